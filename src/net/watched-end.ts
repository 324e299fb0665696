import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** How often it is looked whether a stream that has ended has been read to its end, in milliseconds. */
const INTERVAL = 20;

/**
 * A socket whose end is kept from the TLS above it. Node takes a FIN for the end of TLS, so that a stream that was cut
 * off looks like one that was closed with close_notify (RFC 8446 section 6.1); from here, only close_notify ends it.
 */
export class WatchedEnd extends Duplex {
  readonly #socket: Socket;
  #ended = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', data => {
      if (!this.push(data)) socket.pause();
    });
    socket.on('end', () => {
      this.#ended = true;
    });
    socket.on('error', error => this.destroy(error));
    socket.on('close', () => {
      // What came before the end is still to be read.
      this.#ended = true;
      if (!socket.readableEnded) this.destroy();
    });
  }

  /** Passes the handshake on; before and after it, a stream that ends without close_notify is destroyed. */
  async heldBy(handshake: Promise<TLSSocket>): Promise<TLSSocket> {
    let secure: TLSSocket | undefined;
    let seen = false;
    const look = setInterval(() => {
      if (!this.#ended || this.readableLength > 0) return;
      if (secure !== undefined && (secure.readableLength > 0 || secure.readableFlowing !== true)) return;
      // All has been read and decrypted by now; what that leads to takes another turn.
      if (seen && secure?.readableEnded !== true) (secure ?? this).destroy();
      if (seen) clearInterval(look);
      seen = true;
    }, INTERVAL);
    this.once('close', () => clearInterval(look));
    secure = await handshake;
    return secure;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
