import type { Identity } from '../servers/identity.ts';
import { type Fronts, useFronts } from './fronts.ts';
import { describeClient } from './needed-client.ts';

/** A real server that a test has started. */
interface RealServer {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
  stop(): Promise<void>;
}

export interface BackendTests<Server extends RealServer> {
  /** A command that ends with 0 where the server and its clients are installed. */
  readonly installed: readonly string[];
  readonly start: (options: { readonly tls: boolean }) => Promise<Server>;
  readonly behindProxy: (backend: Backend<Server>) => void;
  /** Default: it can have no TLS. */
  readonly withTls?: (backend: Backend<Server>) => void;
}

/** Declares what is tested with a real server: without TLS behind a proxy, and with TLS of its own if it can. */
export function describeBackend<Server extends RealServer>(name: string, tests: BackendTests<Server>): void {
  const { installed, start, behindProxy, withTls } = tests;
  const declare = () => {
    describe('without TLS, behind a proxy', () => behindProxy(useBackend(name, () => start({ tls: false }))));
    if (withTls === undefined) return;
    describe('with TLS', () => withTls(useBackend(name, () => start({ tls: true }))));
  };
  describeClient(`backend ${name}`, declare, installed);
}

/** Declares a server that runs during the tests of the `describe` around, and what stands before it. */
export function useBackend<Server extends RealServer>(
  name: string,
  start: () => Promise<Server>,
): Backend<Server> {
  const backend = new Backend<Server>(useFronts());
  before(`${name} starts`, async () => {
    backend.server = await start();
  });
  after(`${name} stops`, () => backend.started?.stop());
  return backend;
}

/** A server during its tests, and the proxies before it. */
export class Backend<Server extends RealServer> {
  readonly fronts: Fronts;
  #server: Server | undefined;

  constructor(fronts: Fronts) {
    this.fronts = fronts;
  }

  get started(): Server | undefined {
    return this.#server;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('it has not started');
    return this.#server;
  }

  set server(server: Server) {
    this.#server = server;
  }

  /** Of a server with TLS. */
  get identity(): Identity {
    const { identity } = this.server;
    if (identity === undefined) throw new Error('a server without TLS');
    return identity;
  }
}
