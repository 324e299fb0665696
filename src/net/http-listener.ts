import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SallyportError } from '../errors.ts';
import { type DialTarget, targetName } from './dial.ts';
import { removeStaleSocket } from './stale-socket.ts';

/** A request without a body, as far as it matters to who answers it. */
export interface HttpRequest {
  readonly method: string;
  /** As it came, up to the `?`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers one request. What it throws becomes a 500, and is told to nobody but `failed`. */
export type Respond = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** A scraper, a browser and a monitor or two; a page keeps up to six. */
const CONNECTIONS = 64;
const HEADERS_TIMEOUT = 5000;
/** For a whole request, in milliseconds. */
const REQUEST_TIMEOUT = 10_000;
/** How long a connection may be kept without a request, in milliseconds: longer than the page is quiet. */
const KEEP_ALIVE = 5000;
const HEADER_BYTES = 8192;

/** A small HTTP server for reading: no body is taken, and every connection has deadlines. */
export class HttpListener {
  readonly #server;
  readonly #respond: Respond;
  readonly #failed: (error: unknown) => void;

  /** `headersTimeout` is for the head of a request, in milliseconds. Default 5 s. */
  constructor(respond: Respond, failed: (error: unknown) => void, { headersTimeout = HEADERS_TIMEOUT } = {}) {
    this.#respond = respond;
    this.#failed = failed;
    this.#server = createServer(
      {
        headersTimeout,
        requestTimeout: REQUEST_TIMEOUT,
        keepAliveTimeout: KEEP_ALIVE,
        connectionsCheckingInterval: 1000,
        maxHeaderSize: HEADER_BYTES,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS;
    // A client that speaks no HTTP has Node's 400 or 431, and is closed.
    this.#server.on('upgrade', (_request, socket) => socket.destroy());
  }

  get address(): AddressInfo | undefined {
    // That of a Unix socket is still there when it is closed.
    if (!this.#server.listening) return undefined;
    const address = this.#server.address();
    if (typeof address === 'string') return { address, family: 'Unix', port: 0 };
    return address ?? undefined;
  }

  /** Rejects with ERR_LISTEN, the address and the system's reason. A Unix socket that nobody serves any more gives way. */
  async listen(target: DialTarget): Promise<AddressInfo> {
    if ('path' in target) await removeStaleSocket(target.path);
    return new Promise((resolve, reject) => {
      this.#server.once('error', cause => {
        const code = 'code' in cause ? String(cause.code) : cause.message;
        reject(new SallyportError('ERR_LISTEN', `${targetName(target)}: ${code}`, { cause }));
      });
      this.#server.listen(target, () => {
        this.#server.removeAllListeners('error').on('error', this.#failed);
        resolve(this.address as AddressInfo); // it listens
      });
    });
  }

  /** Stops at once, whoever is connected. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, headers, body } = await this.#responseTo(request);
    // What is not read would be the next request.
    const hasBody =
      'transfer-encoding' in request.headers || Number(request.headers['content-length'] ?? 0) > 0;
    response.writeHead(status, {
      ...headers,
      'Content-Length': Buffer.byteLength(body),
      ...(hasBody ? { Connection: 'close' } : {}),
    });
    response.end(body);
  }

  async #responseTo({ method = '', url = '', headers }: IncomingMessage): Promise<HttpResponse> {
    const [path = '', query = ''] = url.split(/\?(.*)/s);
    try {
      return await this.#respond({ method, path, query: new URLSearchParams(query), headers });
    } catch (error) {
      this.#failed(error);
      return { status: 500, headers: { 'Content-Type': 'text/plain' }, body: 'Internal error\n' };
    }
  }
}
