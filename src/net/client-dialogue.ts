import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Action } from '../dialogue/action.ts';
import { Machine } from '../dialogue/machine.ts';
import type { Protocol, Scene } from '../dialogue/protocol.ts';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { SallyportError } from '../errors.ts';
import { Deadline } from './deadline.ts';
import { connectionFailure } from './handshake-failure.ts';

/** Something that was said on a connection. */
export interface Spoken {
  readonly by: 'client' | 'server';
  /** Whether it was said under TLS. */
  readonly secure: boolean;
  /** One write, or one read. */
  readonly bytes: Uint8Array;
}

export interface ClientDialogueOptions {
  readonly protocol: Protocol;
  readonly scene: Scene;
  /** Hears all that is said, in order. Default: nobody. */
  readonly observe?: (said: Spoken) => void;
  /** May put other bytes in place of what is to be said, as an attacker would. Default: they stay. */
  readonly alter?: (bytes: Uint8Array) => Uint8Array;
}

/** How far a part of a dialogue has come. */
type Outcome = { readonly kind: 'upgrade' } | { readonly kind: 'handOver'; readonly unread: Uint8Array };

/**
 * Plays a protocol's client on a connected socket: first up to the go-ahead, then, on the TLS socket, up to the
 * hand-over. Between the two nothing is read, so that not a byte of TLS is lost and not one of plaintext kept.
 */
export class ClientDialogue {
  readonly #machine: Machine;
  readonly #options: ClientDialogueOptions;
  #stream: Socket;
  #settle: ((outcome: Outcome | SallyportError) => void) | undefined;

  constructor(socket: Socket, options: ClientDialogueOptions) {
    this.#stream = socket;
    this.#options = options;
    this.#machine = new Machine({
      protocol: options.protocol,
      role: 'probe',
      scene: { ...options.scene, policy: 'required' },
      badCommands: 0,
      plaintextAfterUpgrade: 'refuse',
    });
  }

  /**
   * Plays the part in plaintext, within `timeout` ms, up to the moment when the ClientHello may be sent. Rejects
   * with what the dialogue found (ERR_TLS_NOT_OFFERED, ERR_TLS_REFUSED, ERR_PLAINTEXT_AFTER_UPGRADE,
   * ERR_UNEXPECTED_REPLY, …), ERR_DIALOGUE_TIMEOUT or ERR_CONNECTION; the socket is destroyed then.
   */
  async plaintext(timeout: number): Promise<void> {
    await this.#play(timeout, () => this.#machine.start());
    if (this.#stream.readableLength === 0) return;
    this.#stream.destroy();
    throw new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE');
  }

  /** Plays the part under TLS, within `timeout` ms; resolves with the bytes that it did not consume. */
  async underTls(secure: TLSSocket, facts: TlsFacts, timeout: number): Promise<Uint8Array> {
    this.#stream = secure;
    const outcome = await this.#play(timeout, () => this.#machine.secured(facts));
    return outcome.kind === 'handOver' ? outcome.unread : Buffer.alloc(0);
  }

  #play(timeout: number, begin: () => readonly Action[]): Promise<Outcome> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(0, timeout, () => this.#fail(new SallyportError('ERR_DIALOGUE_TIMEOUT')));
      const hear = (data: Buffer) => {
        this.#options.observe?.({ by: 'server', secure: this.#secure, bytes: data });
        this.#perform(this.#machine.receive(data));
      };
      const ended = () => this.#perform(this.#machine.ended());
      const broken = (error: Error) => this.#fail(connectionFailure(error));
      const gone = () => setImmediate(() => this.#perform(this.#machine.ended()));
      this.#settle = outcome => {
        this.#settle = undefined;
        deadline.stop();
        stream.off('data', hear).off('end', ended).off('error', broken).off('close', gone).pause();
        if (!(outcome instanceof SallyportError)) return resolve(outcome);
        stream.destroy();
        reject(outcome);
      };
      stream.on('data', hear).on('end', ended).on('error', broken).on('close', gone);
      this.#perform(begin());
      if (this.#settle !== undefined) stream.resume();
    });
  }

  get #secure(): boolean {
    return 'encrypted' in this.#stream;
  }

  #perform(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.kind === 'write') this.#write(action.data);
      else if (action.kind === 'drain') this.#perform(this.#machine.drained());
      else if (action.kind === 'upgrade') this.#settle?.({ kind: 'upgrade' });
      else if (action.kind === 'handOver') this.#settle?.({ kind: 'handOver', unread: action.unread });
      else if (action.kind === 'close') this.#settle?.(action.error ?? new SallyportError('ERR_PEER_CLOSED'));
    }
  }

  #write(data: string | Uint8Array): void {
    const { alter, observe } = this.#options;
    const words = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const bytes = alter === undefined ? words : alter(words);
    observe?.({ by: 'client', secure: this.#secure, bytes });
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  #fail(error: SallyportError): void {
    this.#perform(this.#machine.fail(error));
  }
}
