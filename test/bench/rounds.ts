import { setTimeout as delay } from 'node:timers/promises';
import type { Measured } from './measured.ts';
import type { Operation } from './operations.ts';

/** What one operation cost, in microseconds. */
export interface Cost {
  /** Of the server's processor time. */
  readonly processor: number;
  /** Of the clock. */
  readonly elapsed: number;
}

/** One figure of each server, by its name, in one round. */
export type Round = Readonly<Record<string, number>>;

/** So long an idle server is left alone before its time is read: closes and collections end, in milliseconds. */
const SETTLE = 15;

/** Each server does the same work unmeasured first, in batches, all at the same time, until its code is compiled. */
export async function warmUp(
  servers: readonly Measured[],
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
 * so that what the machine does meanwhile hits all of them alike. By the servers' names.
 */
export async function measureRound(
  servers: readonly Measured[],
  operation: Operation,
  round: number,
): Promise<Readonly<Record<string, Cost>>> {
  const costs: Record<string, Cost> = {};
  for (const server of rotated(servers, round)) {
    const load = await operation.prepare(server);
    costs[server.name] = await costOf(server, load.run, operation.batch);
    await load.end();
  }
  return costs;
}

/** One kind of cost of each server. */
export function only(kind: keyof Cost, costs: Readonly<Record<string, Cost>>): Round {
  return Object.fromEntries(Object.entries(costs).map(([name, cost]) => [name, cost[kind]]));
}

/** Half of the rounds run backwards, so that each server has each of the others before it equally often. */
export function rotated<T>(all: readonly T[], round: number): readonly T[] {
  const from = round % all.length;
  const turned = [...all.slice(from), ...all.slice(0, from)];
  return Math.floor(round / all.length) % 2 === 0 ? turned : turned.reverse();
}

async function costOf(server: Measured, run: (count: number) => Promise<void>, count: number): Promise<Cost> {
  await delay(SETTLE);
  const before = server.processorTime();
  const begun = performance.now();
  await run(count);
  const elapsed = ((performance.now() - begun) * 1000) / count;
  await delay(SETTLE);
  return { processor: (server.processorTime() - before) / count, elapsed };
}
