import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';
import { Inbox } from '../wire/inbox.ts';
import { type Channel, type Dialogue, type Need, Peer } from './peer.ts';
import type { Protocol, Scene } from './protocol.ts';
import type { TlsFacts } from './tls-facts.ts';

/** What the driver of a dialogue must do, in this order. */
export type Action =
  /** Send; a string is latin1. */
  | { readonly kind: 'write'; readonly data: string | Uint8Array }
  /** Read no more until all that was written has left; then call `drained`. */
  | { readonly kind: 'drain' }
  /** Stop reading, check that nothing is unread, send the go-ahead, turn TLS on; then call `secured`. */
  | {
      readonly kind: 'upgrade';
      readonly goAhead: string | Uint8Array;
      readonly early: Uint8Array | undefined;
      readonly skipWhitespace: boolean;
      readonly requireAlpn: boolean;
    }
  /** The stream goes to the application, which first reads what is unread. */
  | { readonly kind: 'handOver'; readonly unread: Uint8Array; readonly introduction: string | undefined }
  /** The connection ends; without `error` because the dialogue was over. */
  | { readonly kind: 'close'; readonly error: SallyportError | undefined };

export interface MachineOptions {
  readonly protocol: Protocol;
  readonly role: 'server' | 'probe';
  readonly scene: Scene;
  /** Bad commands that are answered before the next one ends the dialogue. */
  readonly badCommands: number;
  readonly plaintextAfterUpgrade: 'refuse' | 'discard';
}

type State = 'new' | 'waiting' | 'draining' | 'upgrading' | 'over';

const NOTHING: readonly Action[] = Object.freeze([]);

/**
 * Runs one dialogue: bytes in, actions out; no I/O, no clock. Call `start` once, `receive`, `drained` and
 * `ended` for what the socket says, `secured` after a handshake, `fail` for a deadline; perform each action
 * returned.
 * It never throws: whatever a peer sends leads to actions, and every error to a `close` with that error.
 */
export class Machine {
  readonly #options: MachineOptions;
  readonly #channel: Channel;
  #state: State = 'new';
  #peer: Peer | undefined;
  #dialogue: Dialogue | undefined;
  /** Whether the dialogue that asked for TLS goes on after the handshake. */
  #resumes = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#channel = {
      inbox: new Inbox(),
      outbox: [],
      queued: 0,
      ended: false,
      patience: options.badCommands,
      tls: undefined,
      plaintextAfterUpgrade: options.plaintextAfterUpgrade,
    };
  }

  /** Bytes that the dialogue has consumed: it grows with each whole line, not with each byte. */
  get consumed(): number {
    return this.#channel.inbox.consumed;
  }

  /** Begins the dialogue; with `tls` where TLS was on from the first byte. */
  start(tls?: TlsFacts): readonly Action[] {
    return this.#begin(tls, false);
  }

  receive(data: Uint8Array): readonly Action[] {
    if (this.#state !== 'waiting' && this.#state !== 'draining') return NOTHING;
    this.#channel.inbox.append(data);
    return this.#state === 'draining' ? NOTHING : this.#run();
  }

  /** All that was written has left. */
  drained(): readonly Action[] {
    return this.#state === 'draining' ? this.#run() : NOTHING;
  }

  /** The peer will send no more. A line that is cut off by this is never executed. */
  ended(): readonly Action[] {
    this.#channel.ended = true;
    return this.#state === 'waiting' ? this.#run() : NOTHING;
  }

  /** TLS is on. In the server role a new dialogue begins; nothing of the plaintext one is left. */
  secured(tls: TlsFacts): readonly Action[] {
    if (this.#state !== 'upgrading') return NOTHING;
    if (!this.#resumes) return this.#begin(tls, true);
    this.#channel.tls = tls;
    return this.#run();
  }

  /** Ends the dialogue from outside: a deadline, a limit, a shutdown. */
  fail(error: SallyportError): readonly Action[] {
    if (this.#state === 'over') return NOTHING;
    const speechless = this.#state === 'upgrading';
    return this.#close(error, speechless);
  }

  #begin(tls: TlsFacts | undefined, upgraded: boolean): readonly Action[] {
    const { protocol, role, scene, badCommands } = this.#options;
    this.#channel.tls = tls;
    this.#channel.patience = badCommands;
    this.#peer = new Peer(role === 'server' ? 'client' : 'server', this.#channel, tls, upgraded);
    this.#dialogue = protocol[role](this.#peer, scene);
    return this.#run();
  }

  #run(): readonly Action[] {
    const dialogue = this.#dialogue;
    if (dialogue === undefined) return NOTHING;
    try {
      const step = dialogue.next();
      if (step.done !== true) return this.#wait(step.value);
      return step.value === 'close' ? this.#close(undefined, true) : this.#handOver();
    } catch (error) {
      const known = error instanceof SallyportError;
      return this.#close(
        known ? error : new SallyportError('ERR_INTERNAL', undefined, { cause: error }),
        false,
      );
    }
  }

  #wait(need: Need): readonly Action[] {
    if (need.kind === 'input') {
      this.#state = 'waiting';
      return this.#channel.outbox.length === 0 ? NOTHING : this.#written();
    }
    if (need.kind === 'drain') {
      this.#state = 'draining';
      return [...this.#written(), { kind: 'drain' }];
    }
    this.#state = 'upgrading';
    this.#resumes = need.resumes;
    const { goAhead, early, skipWhitespace, requireAlpn } = need;
    return [...this.#written(), { kind: 'upgrade', goAhead, early, skipWhitespace, requireAlpn }];
  }

  /** The net under every protocol file: where TLS is required, nothing is handed over in plaintext. */
  #handOver(): readonly Action[] {
    const plain = this.#channel.tls === undefined;
    if (plain && this.#options.scene.policy === 'required') {
      return this.#close(new SallyportError('ERR_TLS_REQUIRED'), false);
    }
    const unread = this.#channel.inbox.take();
    const introduction = this.#peer?.introduction;
    const actions: Action[] = [...this.#written(), { kind: 'handOver', unread, introduction }];
    this.#end();
    return actions;
  }

  #close(error: SallyportError | undefined, speechless: boolean): readonly Action[] {
    const { protocol, role, scene } = this.#options;
    if (error !== undefined && !speechless && role === 'server') {
      const farewell = protocol.farewell(error, scene);
      if (farewell !== undefined) this.#channel.outbox.push(farewell);
    }
    const actions: Action[] = [...this.#written(), { kind: 'close', error }];
    this.#end();
    return actions;
  }

  #end(): void {
    this.#state = 'over';
    this.#dialogue = undefined;
    this.#peer = undefined;
    this.#channel.inbox.take();
  }

  /** All that was queued, as one write: clients judge a reply by its first segment. */
  #written(): readonly Action[] {
    const queued = this.#channel.outbox;
    if (queued.length === 0) return NOTHING;
    this.#channel.outbox = [];
    this.#channel.queued = 0;
    return [{ kind: 'write', data: joined(queued) }];
  }
}

function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (parts.every(part => typeof part === 'string'))
    return parts.length === 1 ? (parts[0] ?? '') : parts.join('');
  return Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}
