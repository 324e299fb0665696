import { setTimeout as delay } from 'node:timers/promises';
import type { Operation } from './operations.ts';
import { processorTime } from './processor-time.ts';
import type { ServerName, ServerProcess } from './server-process.ts';

/** What one operation cost at each server in one round. */
export type Round = Readonly<Record<ServerName, number>>;

/** So long an idle server is left alone before its time is read: closes and collections end, in milliseconds. */
const SETTLE = 15;

/** Each server does the same work unmeasured first, in batches, all at the same time, until its code is compiled. */
export async function warmUp(
  servers: readonly ServerProcess[],
  operation: Operation,
  batches: number,
): Promise<void> {
  await Promise.all(
    servers.map(async server => {
      const load = await operation.prepare(server);
      for (let batch = 0; batch < batches; batch += 1) await load.run(operation.batch);
      await load.end();
    }),
  );
}

/**
 * One round: every server does one batch, in an order that rotates with `round`, each right behind the other,
 * so that what the machine does meanwhile hits all of them alike. In microseconds for one operation.
 */
export async function measureRound(
  servers: readonly ServerProcess[],
  operation: Operation,
  round: number,
): Promise<Round> {
  const costs = { sallyport: 0, bare: 0, 'smtp-server': 0 };
  for (const server of rotated(servers, round)) {
    const load = await operation.prepare(server);
    costs[server.name] = (await costOf(server, () => load.run(operation.batch))) / operation.batch;
    await load.end();
  }
  return costs;
}

/** Half of the rounds run backwards, so that each server has each of the others before it equally often. */
export function rotated<T>(all: readonly T[], round: number): readonly T[] {
  const from = round % all.length;
  const turned = [...all.slice(from), ...all.slice(0, from)];
  return Math.floor(round / all.length) % 2 === 0 ? turned : turned.reverse();
}

/** Processor time that a server spends on some work, in microseconds. */
async function costOf({ pid }: ServerProcess, work: () => Promise<void>): Promise<number> {
  await delay(SETTLE);
  const before = processorTime(pid);
  await work();
  await delay(SETTLE);
  return processorTime(pid) - before;
}
