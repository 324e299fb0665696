import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

export interface ClientSideEvents {
  received(data: Buffer): void;
  ended(): void;
  /** All that was written has left. */
  drained(): void;
}

/** The client's connection while the dialogue goes on: first the raw socket, after the upgrade the TLS socket. */
export class ClientSide {
  readonly #events: ClientSideEvents;
  #stream: Socket;

  constructor(raw: Socket, events: ClientSideEvents) {
    this.#stream = raw;
    this.#events = events;
  }

  /** What is read and written now. */
  get stream(): Socket {
    return this.#stream;
  }

  /** Goes on with another stream, or begins with the first. */
  converse(stream: Socket): void {
    this.#stream = stream;
    stream.on('data', (data: Buffer) => this.#events.received(data));
    stream.on('end', () => this.#events.ended());
  }

  write(data: string | Uint8Array): void {
    const stream = this.#stream;
    if (stream.destroyed || !stream.writable || stream.write(data, 'latin1')) return;
    stream.pause();
    stream.once('drain', () => this.#events.drained());
  }

  /** A client that sends and never reads is read no further until it takes its replies; nor is one that must wait. */
  regulate({ wait }: { readonly wait: boolean }): void {
    if (wait || this.#stream.writableNeedDrain) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Calls back when all that was written has left: at once, if it has. */
  whenDrained(go: () => void): void {
    if (this.#stream.writableNeedDrain) this.#stream.once('drain', go);
    else go();
  }
}
