import type { TLSSocket } from 'node:tls';
import type { SallyportError } from '../errors.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Upgrade } from './dialogue-run.ts';
import type { Gate } from './gate.ts';
import { connectionFailure } from './handshake-failure.ts';
import { startImplicitTls, startTls, type TlsService } from './start-tls.ts';
import { tlsFacts } from './tls-facts.ts';

export interface SecuringEvents {
  /** The limits let no handshake begin, and nothing has been said. */
  refused(refusal: SallyportError): void;
  begun(): void;
  /** The handshake is done, `took` milliseconds after it began. */
  secured(secure: TLSSocket, took: number): void;
  failed(error: SallyportError): void;
}

/** The securing of one connection: the limits are asked, the handshake is done, and what came of it is kept. */
export class Securing {
  readonly #state: ConnectionState;
  readonly #service: TlsService;
  readonly #gate: Gate;
  readonly #events: SecuringEvents;
  /** Settles when the handshake is over, either way; `undefined` when it is. */
  #handshake: Promise<void> | undefined;
  #requireAlpn = false;

  constructor(state: ConnectionState, service: TlsService, gate: Gate, events: SecuringEvents) {
    this.#state = state;
    this.#service = service;
    this.#gate = gate;
    this.#events = events;
  }

  /** Settles when the handshake that is under way is over, either way. */
  get over(): Promise<void> | undefined {
    return this.#handshake;
  }

  /** Whether the handshake has left out the ALPN protocol that it was not to go without. */
  get lacksAlpn(): boolean {
    return this.#requireAlpn && this.#state.tls?.alpn === undefined;
  }

  /** TLS comes first; `early` are the bytes of it that have been read and are not in the socket. */
  implicit(early: Uint8Array): void {
    this.#requireAlpn = this.#service.options.protocol.implicitRequiresAlpn === true;
    this.#whenAllowed(() =>
      this.#secure(early.length, () => startImplicitTls(this.#state.raw, this.#service, early)),
    );
  }

  /** The upgrade that a dialogue asks for. */
  upgrade(action: Upgrade): void {
    const { raw, progress } = this.#state;
    this.#requireAlpn = action.requireAlpn;
    progress.reach('asked');
    this.#whenAllowed(() => {
      if (action.early === undefined) this.#state.dropped += raw.readableLength;
      this.#secure(action.early?.length ?? 0, () => startTls(raw, this.#service, action));
    });
  }

  /**
   * Asks the limits before a handshake: in this very turn where there are none. The socket is paused meanwhile, so
   * that what comes is seen by the upgrade, as if it had been there all along.
   */
  #whenAllowed(secure: () => void): void {
    const state = this.#state;
    state.phase = 'handshake';
    const asked = this.#gate.secure(state.ends.remote.address);
    if (asked === undefined) {
      secure();
      return;
    }
    state.raw.pause();
    void asked.then(refusal => {
      if (state.phase !== 'handshake' || state.raw.destroyed) return;
      if (refusal === undefined) {
        secure();
        return;
      }
      state.phase = 'dialogue';
      this.#events.refused(refusal);
    });
  }

  /** `early` is how many bytes of TLS have been read already. */
  #secure(early: number, begin: () => Promise<TLSSocket>): void {
    this.#events.begun();
    const { raw } = this.#state;
    const startedAt = performance.now();
    const before = raw.bytesRead - raw.readableLength - early;
    this.#handshake = begin().then(
      secure => {
        this.#handshake = undefined;
        this.#secured(secure, performance.now() - startedAt);
      },
      error => this.#failed(this.#state.endsBy(connectionFailure(error)), raw.bytesRead > before),
    );
  }

  #secured(secure: TLSSocket, took: number): void {
    this.#state.progress.reach('clientHello');
    this.#state.phase = 'dialogue';
    this.#state.refusal = undefined;
    this.#state.tls = tlsFacts(secure);
    this.#events.secured(secure, took);
  }

  #failed(error: SallyportError, heard: boolean): void {
    this.#state.phase = 'closing';
    if (heard && mayBeTls(error)) this.#state.progress.reach('clientHello');
    this.#events.failed(error);
  }
}

/** Whether what failed was TLS: not where the client sent something else, before the go-ahead or behind it. */
function mayBeTls({ code }: SallyportError): boolean {
  return code !== 'ERR_HANDSHAKE_NOT_TLS' && code !== 'ERR_PLAINTEXT_AFTER_UPGRADE';
}
