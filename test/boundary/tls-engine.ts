import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import * as tls from 'node:tls';

/** What is done with a flight of TLS bytes before it goes to the wire. */
export type Carrier = (flight: Buffer) => void;

/**
 * A TLS client without a socket: its bytes pass through the test's hands, so that a ClientHello can be had
 * before there is anybody to send it to, and other bytes can be put between its flights.
 */
export class TlsEngine {
  /** What came decrypted, as latin1. */
  heard = '';
  /** Whether the server has ended the conversation under TLS. */
  ended = false;
  readonly hello: Promise<Buffer>;
  readonly #near: Duplex;
  readonly #secure: tls.TLSSocket;
  readonly #done: Promise<unknown>;
  #carry: Carrier | undefined;

  constructor(options: tls.ConnectionOptions = {}) {
    let told: Carrier = () => {};
    this.hello = new Promise(resolve => {
      told = resolve;
    });
    this.#near = new Duplex({
      read() {},
      write: (flight, _encoding, taken) => {
        if (this.#carry === undefined) told(flight);
        else this.#carry(flight);
        taken();
      },
    });
    this.#secure = tls.connect({ socket: this.#near, rejectUnauthorized: false, ...options });
    this.#secure.on('data', data => {
      this.heard += data.toString('latin1');
    });
    this.#done = once(this.#secure, 'close').catch(() => {});
    this.#secure.on('end', () => {
      this.ended = true;
    });
    this.#secure.on('error', () => this.#secure.destroy());
  }

  /** From now on, flights go to `carry`. */
  connect(carry: Carrier): void {
    this.#carry = carry;
  }

  receive(data: Buffer): void {
    if (!this.#near.destroyed && !this.#near.readableEnded) this.#near.push(data);
  }

  /** The wire is at its end. */
  receiveEnd(): void {
    if (!this.#near.destroyed) this.#near.push(null);
  }

  /** Says all and finishes, as soon as TLS is on. */
  sayAll(words: string): void {
    this.#secure.end(words, 'latin1');
  }

  /** Resolves when the TLS side is over: ended by the server, failed, or destroyed. */
  get over(): Promise<unknown> {
    return this.#done;
  }

  destroy(): void {
    this.#secure.destroy();
    this.#near.destroy();
  }
}
