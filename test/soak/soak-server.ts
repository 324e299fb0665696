import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { protocols } from '../../protocol/index.ts';
import type { Session } from '../../src/net/session.ts';
import type { Certificate } from '../../src/options.ts';
import { createServer, type Server } from '../../src/server.ts';

/** What the test asks of the process. */
export type Order =
  | { readonly order: 'serve'; readonly certificate: Certificate }
  /** Puts another certificate in force, in all servers. */
  | { readonly order: 'reload'; readonly certificate: Certificate }
  | { readonly order: 'figures' };

export interface Figures {
  /** After three collections, in MiB. */
  readonly heap: number;
  /** Resident, in MiB. */
  readonly resident: number;
  readonly descriptors: number;
  readonly connections: number;
  /** Of the event loop since the last figures, 99th percentile, in milliseconds. */
  readonly delay: number;
  /** The longest that the process stood still in the same time, in milliseconds. */
  readonly standstill: number;
  /** How the connections ended since the start, by the code of the error or `none`. */
  readonly ends: Readonly<Record<string, number>>;
}

export type Reply = { readonly ports: Readonly<Record<string, number>> } | Figures;

/**
 * Short, so that those who stall are soon gone and many come and go; but longer than a machine that is busy with other
 * things may keep this process or an honest client's waiting, as those must never meet a deadline.
 */
const DEADLINES = {
  handshakeTimeout: 10_000,
  commandTimeout: 10_000,
  dialogueTimeout: 15_000,
  idleTimeout: 20_000,
};

const servers: Server[] = [];
const ends: Record<string, number> = {};
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

process.on('message', (order: Order) => {
  perform(order).then(
    reply => process.send?.(reply),
    error => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());

async function perform(order: Order): Promise<Reply> {
  if (order.order === 'serve') return { ports: await serve(order.certificate) };
  if (order.order === 'reload')
    for (const server of servers) server.replaceTls({ certificate: order.certificate });
  return figures();
}

async function serve(certificate: Certificate): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const protocol of protocols) {
    const server = createServer(
      { protocol, certificate, hostname: 'mail.example.org', maxPerAddress: 0, ...DEADLINES },
      echo,
    );
    server.on('end', ({ error }) => {
      const code = error?.code ?? 'none';
      ends[code] = (ends[code] ?? 0) + 1;
    });
    servers.push(server);
    ports[protocol.name] = (await server.listen({ port: 0 })).port;
  }
  return ports;
}

/** Says each line back. It reads no further than the client does. */
async function echo(session: Session): Promise<void> {
  for await (const line of session.lines()) await session.writeLine(line);
}

function figures(): Figures {
  for (let pass = 0; pass < 3; pass += 1) globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const told: Figures = {
    heap: heapUsed / 2 ** 20,
    resident: rss / 2 ** 20,
    descriptors: readdirSync('/proc/self/fd').length,
    connections: servers.reduce((sum, { connections }) => sum + connections, 0),
    delay: delay.percentile(99) / 1e6,
    standstill: delay.max / 1e6,
    ends: { ...ends },
  };
  delay.reset();
  return told;
}
