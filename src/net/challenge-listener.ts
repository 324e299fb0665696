import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SallyportError } from '../errors.ts';
import type { ListenOptions } from './listener.ts';

const WELL_KNOWN = '/.well-known/acme-challenge/';

/** Who asks for anything else is a scanner, and asks for little. */
const LIMITS = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 1,
} as const;
const MAX_CONNECTIONS = 64;

/**
 * Answers HTTP-01 challenges (RFC 8555 section 8.3) on a port of its own, which the authority reaches as 80. All other
 * requests get 404.
 */
export class ChallengeListener {
  readonly #answers = new Map<string, string>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer(LIMITS, (request, response) => this.#answer(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Sets what a token is answered with, or with `undefined` takes it away. */
  set(token: string, answer: string | undefined): void {
    if (answer === undefined) this.#answers.delete(token);
    else this.#answers.set(token, answer);
  }

  /** Rejects with ERR_LISTEN. Does not keep the process alive. */
  async listen(options: ListenOptions): Promise<AddressInfo> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', cause => reject(new SallyportError('ERR_LISTEN', cause.message, { cause })));
      server.listen({ host: '127.0.0.1', ...options }, () => resolve(server.address() as AddressInfo)); // it listens
      server.unref();
    });
  }

  async close(): Promise<void> {
    await new Promise(resolve => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    const asked = url.startsWith(WELL_KNOWN) && (method === 'GET' || method === 'HEAD');
    const answer = asked ? this.#answers.get(url.slice(WELL_KNOWN.length)) : undefined;
    response.writeHead(answer === undefined ? 404 : 200, {
      'content-type': 'application/octet-stream',
      connection: 'close',
    });
    response.end(answer ?? '');
  }
}
