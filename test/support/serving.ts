import type { Protocol } from '../../src/dialogue/protocol.ts';
import type { Application } from '../../src/net/session.ts';
import type { SessionEnd } from '../../src/net/session-end.ts';
import type { ServerOptions } from '../../src/options.ts';
import { createServer, type Server, type Surroundings } from '../../src/server.ts';
import { testCertificates } from './certificates.ts';
import { WireClient } from './wire-client.ts';

export interface Serving {
  readonly server: Server;
  readonly port: number;
  /** Every connection that is over, in order. */
  readonly ends: SessionEnd[];
  /** A new client, tracked: it is destroyed with the server. */
  connect(): Promise<WireClient>;
  /** Resolves when `count` connections are over. */
  over(count: number): Promise<readonly SessionEnd[]>;
  stop(): Promise<void>;
}

const running = new Set<Serving>();

/** Serves on a free port of the loopback; `stopServing` in an `afterEach` ends all that a test started. */
export async function serving(
  protocol: Protocol,
  options: Partial<ServerOptions> & Surroundings = {},
  application?: Application,
): Promise<Serving> {
  const { server: certificate } = await testCertificates();
  const given = { protocol, certificate, hostname: 'mail.example.org', ...options };
  return started(createServer(given, application));
}

/** The same with a server, or a proxy, that the test has made. */
export async function started(server: Server): Promise<Serving> {
  const { port } = await server.listen({ port: 0 });
  const ends: SessionEnd[] = [];
  const clients: WireClient[] = [];
  server.on('end', end => ends.push(end));
  const serving: Serving = {
    server,
    port,
    ends,
    async connect() {
      const client = await WireClient.connect(port);
      clients.push(client);
      return client;
    },
    async over(count) {
      while (ends.length < count) await new Promise(resolve => server.once('end', resolve));
      return ends;
    },
    async stop() {
      running.delete(serving);
      for (const client of clients) client.destroy();
      await server.close({ within: 0 });
    },
  };
  running.add(serving);
  return serving;
}

export async function stopServing(): Promise<void> {
  await Promise.all([...running].map(each => each.stop()));
}
