import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';

/** How long a test waits for what must come, in milliseconds. */
const PATIENCE = 15_000;

/**
 * A client made of bytes: it says exactly what a test tells it to, in the segments in which it is told, and
 * writes down all that it hears.
 */
export class WireClient {
  socket: net.Socket;
  /** All that came, plaintext and decrypted, as latin1. */
  heard = '';
  /** Whether the other end has finished, or the connection is gone. */
  ended = false;
  closed = false;
  error: Error | undefined;
  readonly #raw: net.Socket;
  #read = 0;
  #waiters: (() => void)[] = [];

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.#raw = socket;
    this.#attach(socket);
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<WireClient> {
    const socket = net.connect({ port, host, noDelay: true, allowHalfOpen: true });
    const client = new WireClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Sends, as one segment. */
  say(data: string | Uint8Array): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return this;
  }

  /** Waits until `pattern` is in what was heard since the last `until`, and returns all of it up to there. */
  async until(pattern: RegExp | string, patience = PATIENCE): Promise<string> {
    const found = await this.#wait(() => this.#find(pattern), patience);
    if (found !== undefined) return found;
    const rest = JSON.stringify(this.heard.slice(this.#read));
    throw new Error(`${String(pattern)} did not come; heard ${rest}${this.closed ? ', then closed' : ''}`);
  }

  /** Waits until `seen` holds, or the other end has finished, or patience is at its end; tells whether it holds. */
  async hears(seen: () => boolean, patience = PATIENCE): Promise<boolean> {
    await this.#wait(() => (seen() || this.ended || this.closed ? true : undefined), patience);
    return seen();
  }

  /** What was heard and not waited for. */
  get rest(): string {
    return this.heard.slice(this.#read);
  }

  /** Waits until the connection is closed from the other side. */
  async end(patience = PATIENCE): Promise<this> {
    const done = await this.#wait(() => (this.ended || this.closed ? true : undefined), patience);
    if (done === undefined) throw new Error(`still open; heard ${JSON.stringify(this.rest)}`);
    return this;
  }

  /** Turns TLS on. Certificates are not checked unless `ca` is given. */
  async startTls(options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
    const raw = this.socket;
    raw.removeAllListeners('data').removeAllListeners('end');
    const checks = options.ca === undefined ? { rejectUnauthorized: false } : { servername: 'localhost' };
    const secure = tls.connect({ socket: raw, ...checks, ...options });
    this.socket = secure;
    this.#attach(secure);
    await once(secure, 'secureConnect');
    return secure;
  }

  /** Ends the connection with a RST, under TLS too. */
  reset(): void {
    this.#raw.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #attach(socket: net.Socket): void {
    socket.on('data', data => {
      this.heard += data.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', error => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  #find(pattern: RegExp | string): string | undefined {
    const rest = this.heard.slice(this.#read);
    const at = typeof pattern === 'string' ? rest.indexOf(pattern) : rest.search(pattern);
    if (at < 0) return undefined;
    const match = typeof pattern === 'string' ? pattern : (rest.match(pattern)?.[0] ?? '');
    this.#read += at + match.length;
    return rest.slice(0, at + match.length);
  }

  async #wait<T>(look: () => T | undefined, patience: number): Promise<T | undefined> {
    const until = performance.now() + patience;
    for (;;) {
      const found = look();
      const left = until - performance.now();
      if (found !== undefined || left <= 0) return found;
      if (this.closed) return look();
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left);
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
