import type { Socket } from 'node:net';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { SallyportError } from '../errors.ts';
import type { DataOptions } from './data-options.ts';
import type { Ends } from './ends.ts';
import type { UpstreamEnd } from './session-end.ts';
import type { Spread } from './spread.ts';

/** Whom an upstream is dialled for: by this it is chosen, and this is what it may be told. */
export interface DialRequest extends Ends {
  readonly session: string;
  readonly tls: TlsFacts | undefined;
  /** What turns TLS on, where that is in-band; `undefined` for our own command. */
  readonly upgradeCommand?: string | undefined;
}

/** A connection to an upstream that can be spoken to. */
export interface DialledUpstream {
  readonly stream: Socket;
  /** For logs: `host:port`, or a path. */
  readonly name: string;
  /** Whether its greeting has been read, as its TLS was turned on in-band. */
  readonly greeted: boolean;
  /** What it has said since. */
  readonly unread: Uint8Array;
  /** Bytes on the wire so far, TLS included. */
  counts(): { readonly bytesIn: number; readonly bytesOut: number };
}

/** Connects to an upstream. Rejects with ERR_UPSTREAM_UNREACHABLE; never later than its own deadline. */
export type DialUpstream = (request: DialRequest) => Promise<DialledUpstream>;

export interface UpstreamService {
  readonly dial: DialUpstream;
  /** For dialling and for each of its replies in the dialogue, in milliseconds. */
  readonly timeout: number;
  /** Shared by all whose upstream breaks off. */
  readonly spread: Spread;
  /** For the data connections of a session that is followed. */
  readonly data: DataOptions;
}

export interface LinkEvents {
  connected(greeted: boolean): void;
  received(data: Uint8Array): void;
  ended(): void;
  failed(error: SallyportError): void;
}

/** One connection to an upstream, from dialling to hand-over. */
export class UpstreamLink {
  #events: LinkEvents | undefined;
  #dialled: DialledUpstream | undefined;
  #released = false;

  constructor(dialling: Promise<DialledUpstream>, events: LinkEvents) {
    this.#events = events;
    dialling.then(
      dialled => this.#connected(dialled),
      error => this.#events?.failed(failureOf(error)),
    );
  }

  /** What is left to say of it. */
  get end(): UpstreamEnd | undefined {
    return this.#dialled === undefined ? undefined : { name: this.#dialled.name, ...this.#dialled.counts() };
  }

  write(data: string | Uint8Array): void {
    this.#dialled?.stream.write(data, 'latin1');
  }

  /** Gives the stream away, paused and without listeners but for errors. */
  release(): Socket | undefined {
    const stream = this.#dialled?.stream;
    stream?.pause().removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
    this.#events = undefined;
    this.#released = true;
    return stream;
  }

  /** Closes, also while it is dialled, what was not given away; nothing more is heard of it. */
  destroy(): void {
    this.#events = undefined;
    if (!this.#released) this.#dialled?.stream.destroy();
  }

  #connected(dialled: DialledUpstream): void {
    const { stream, greeted, unread } = dialled;
    this.#dialled = dialled;
    if (this.#events === undefined) {
      stream.destroy();
      return;
    }
    // What breaks it also closes it.
    stream.on('error', () => undefined);
    stream.on('data', data => this.#events?.received(data));
    stream.on('end', () => this.#events?.ended());
    stream.on('close', () => this.#events?.ended());
    // Who has turned TLS on in-band has paused it.
    stream.setNoDelay(true).resume();
    this.#events.connected(greeted);
    if (unread.length > 0) this.#events?.received(unread);
  }
}

function failureOf(error: unknown): SallyportError {
  if (error instanceof SallyportError) return error;
  return new SallyportError('ERR_UPSTREAM_UNREACHABLE', undefined, { cause: error });
}
