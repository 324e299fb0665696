import type { Socket } from 'node:net';
import { SallyportError } from '../errors.ts';

export interface RelayOptions {
  /** What the client said and nobody read: the first thing that the upstream gets. Default: nothing. */
  readonly unread?: Uint8Array;
  /** What the upstream said and nobody read: the first thing that the client gets. Default: nothing. */
  readonly answer?: Uint8Array | undefined;
  /** Without a byte in either direction, in milliseconds. Default 0: for ever. */
  readonly idleTimeout?: number;
  /** Asked for how long, in milliseconds, the client is not to learn that the upstream has broken off. Default: 0. */
  readonly beforeBreak?: () => number;
}

/** What may wait to leave while more is read, in bytes: above Node's mark, so that `drain` comes. */
const AHEAD = 65_536;

/** Time without a byte after one side has said its last, in milliseconds: then the other is just not closing. */
const LAST_WORDS = 60_000;

/**
 * Copies both ways between the client and the upstream until both have said their last, and that has left. Who is
 * slow slows the other down; an end in one direction is passed on, and the other direction goes on.
 *
 * Rejects with ERR_UPSTREAM_CLOSED when the upstream breaks off, and with ERR_IDLE_TIMEOUT. No words are put into
 * the stream then, as nobody knows what they would be in the middle of. The client's connection breaks off as well,
 * under TLS without close_notify, in plaintext with a reset, so that what it got does not pass for all there was.
 */
export function relay(client: Socket, upstream: Socket, options: RelayOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (error?: SallyportError) => (error === undefined ? resolve() : reject(error));
    new Relay(client, upstream, over).start(options);
  });
}

class Relay {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #over: (error?: SallyportError) => void;
  /** Who takes no more, and has got all that there was. */
  readonly #served = new Set<Socket>();
  #beforeBreak: () => number = () => 0;

  constructor(client: Socket, upstream: Socket, over: (error?: SallyportError) => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#over = over;
  }

  start({ unread, answer, idleTimeout = 0, beforeBreak }: RelayOptions): void {
    const [client, upstream] = [this.#client, this.#upstream];
    if (beforeBreak !== undefined) this.#beforeBreak = beforeBreak;
    // Else the end of one direction would be the end of both.
    client.allowHalfOpen = true;
    client.setTimeout(idleTimeout).on('timeout', () => this.#idle());
    client.once('close', () => this.#clientGone());
    upstream.once('close', () => this.#upstreamGone());
    if (unread !== undefined && unread.length > 0) upstream.write(unread);
    if (answer !== undefined && answer.length > 0) client.write(answer);
    copy(client, upstream, () => upstream.end(() => this.#serve(upstream)));
    copy(upstream, client, () => {
      client.setTimeout(LAST_WORDS).end(() => this.#serve(client));
    });
    if (upstream.destroyed) this.#upstreamGone();
  }

  #serve(socket: Socket): void {
    this.#served.add(socket);
    if (this.#served.size === 2) this.#over();
  }

  #clientGone(): void {
    this.#over();
    const upstream = this.#upstream;
    if (!this.#client.readableEnded) breakOff(upstream);
    else if (upstream.writableFinished) upstream.destroy();
    else {
      // It took leave in order, so all that it said arrives; the replies go nowhere.
      upstream.setTimeout(LAST_WORDS, () => upstream.destroy());
      upstream.once('finish', () => upstream.destroy()).resume();
    }
  }

  #upstreamGone(): void {
    if (this.#client.destroyed) return;
    // It has said its last, and takes no more.
    if (this.#upstream.readableEnded) this.#serve(this.#upstream);
    else this.#breakLater(new SallyportError('ERR_UPSTREAM_CLOSED'));
  }

  #breakLater(error: SallyportError): void {
    this.#client.pause();
    const later = setTimeout(() => this.#break(error), this.#beforeBreak());
    this.#client.once('close', () => clearTimeout(later));
  }

  #idle(): void {
    if (this.#upstream.readableEnded) this.#client.destroy();
    else this.#break(new SallyportError('ERR_IDLE_TIMEOUT'));
  }

  #break(error: SallyportError): void {
    this.#over(error);
    breakOff(this.#upstream);
    breakOff(this.#client);
  }
}

function copy(from: Socket, to: Socket, ended: () => void): void {
  from.on('data', chunk => {
    if (to.writable) pass(chunk, from, to);
  });
  to.on('drain', () => from.resume());
  from.on('end', ended);
  from.resume();
}

/**
 * Passes a piece on, and reads no further while more than 64 KiB wait to leave: those of one read. With the 16 KiB of
 * Node's own mark each piece would have the sender stopped and started again, and TLS idle between.
 */
export function pass(chunk: Uint8Array, from: Socket, to: Socket): void {
  to.write(chunk);
  if (to.writableLength > AHEAD) from.pause();
}

/** Ends a connection so that it does not pass for an orderly end. */
export function breakOff(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
