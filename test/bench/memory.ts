import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Conversation } from './conversation.ts';
import type { Measured } from './measured.ts';
import type { Operation } from './operations.ts';
import { type Round, rotated, warmUp } from './rounds.ts';

export interface MemoryPlan {
  /** Idle secure connections that are measured; as many are there before. */
  readonly connections: number;
  /** What each fresh server does before its base is read, and how often in batches. */
  readonly warmUp: Operation;
  readonly batches: number;
  /** What a secure connection does before it is idle. */
  settle(conversation: Conversation): Promise<void>;
}

/** Starts a fresh process of each; for one on Node, with these flags. */
export type Start = (flags: readonly string[]) => Promise<Measured>;

/** Memory for one idle secure connection at each server, in KiB; each server is a fresh process. */
export async function measureMemory(
  starts: readonly Start[],
  plan: MemoryPlan,
  round: number,
): Promise<Round> {
  const costs: Record<string, number> = {};
  for (const start of rotated(starts, round)) {
    const server = await start(STEADY_HEAP);
    costs[server.name] = await memoryOf(server, plan);
    await server.end();
  }
  return costs;
}

/**
 * The heap's young half at one size: V8 lets it grow to 16 MiB under load and takes it back when idle, which
 * would be counted as the connections', or for them.
 */
export const STEADY_HEAP = ['--min-semi-space-size=1', '--max-semi-space-size=1'];

/**
 * The base is read with connections already there, not at zero: what the closed ones of the warm-up have left
 * free in malloc is used up by then, and is not taken for the next ones' thrift.
 */
async function memoryOf(
  server: Measured,
  { connections, warmUp: operation, batches, settle }: MemoryPlan,
): Promise<number> {
  await warmUp([server], operation, batches);
  await server.collectGarbage();
  const first = await hold(server.ports.dialogue, connections, settle);
  const base = await stableMemory(server);
  const second = await hold(server.ports.dialogue, connections, settle);
  const full = await stableMemory(server);
  for (const conversation of [...first, ...second]) conversation.destroy();
  return (full - base) / connections;
}

/** Handshakes under way at once: many would leave buffers behind that are no idle connection's. */
const AT_ONCE = 16;

/** Opens so many secure connections, has each settle down, and keeps them. */
export async function hold(
  port: number,
  count: number,
  settle: (conversation: Conversation) => Promise<void> | void,
): Promise<Conversation[]> {
  const held: Conversation[] = [];
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const conversation = await Conversation.connectSecure(port);
      await settle(conversation);
      held.push(conversation);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return held;
}

/** Readings at most, and how far two that follow each other may differ to be one, in KiB. */
const READINGS = 20;
const STABLE = 64;

/** In KiB, when two readings agree. */
export async function stableMemory(server: Measured): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < READINGS; reading += 1) {
    await server.collectGarbage();
    await delay(100);
    const now = proportionalMemory(server.pid);
    if (Math.abs(now - last) <= STABLE) return now;
    last = now;
  }
  return last;
}

/**
 * The anonymous part of the PSS, in KiB. What is mapped from files is left out: Node's own text is shared with
 * every other Node on the machine, and a process's part of it changes as those come and go.
 */
function proportionalMemory(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const anonymous = /^Pss_Anon:\s+(\d+) kB$/m.exec(rollup)?.[1];
  const all = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  if (all === undefined) throw new Error('the kernel tells no PSS');
  return Number(anonymous ?? all);
}
