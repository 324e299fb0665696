import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { certificateEnvironment } from './certificate.ts';
import { Conversation } from './conversation.ts';
import { hold, STEADY_HEAP, stableMemory } from './memory.ts';
import { operations } from './operations.ts';
import { warmUp } from './rounds.ts';
import { killServers, ServerProcess } from './server-process.ts';
import { STALLS, stalled } from './stalled.ts';
import { percentile } from './statistics.ts';

/** How a server fares with many connections: memory for each, and what an honest client waits. See README.md. */
interface Plan {
  readonly sessions: number;
  readonly stalled: number;
  readonly honest: number;
  readonly steps: number;
  readonly quick?: true;
  readonly json?: string;
}

/** With so many sessions held. */
interface Step {
  readonly held: number;
  /** Of the server's process, KiB. */
  readonly memory: number;
  readonly wait: Wait;
}

/** What an upgrade takes a client, one after the other, in milliseconds. */
interface Wait {
  readonly median: number;
  readonly p99: number;
  /** Of the server's processor time, for one upgrade, in microseconds. */
  readonly processor: number;
}

interface Result {
  readonly server: string;
  readonly steps: readonly Step[];
  readonly stalled: { readonly count: number; readonly memory: number; readonly wait: Wait };
}

const MEASURED = ['sallyport', 'bare'] as const;
const WARM_UP_BATCHES = 20;
/** A smoke run does so much less. */
const QUICK = { sessions: 20, steps: 2, stalled: 9, honest: 3, batch: 4 };

const asked = new Command('load')
  .option('--sessions <count>', 'secure sessions that are held', wholeNumber, 10_000)
  .option('--steps <count>', 'in so many steps, each measured', wholeNumber, 5)
  .option('--stalled <count>', 'clients that stall before, at and in the handshake', wholeNumber, 5000)
  .option('--honest <count>', 'upgrades that are timed at each step', wholeNumber, 500)
  .option('--quick', 'a smoke run: its figures mean nothing')
  .option('--json <file>', 'write the figures to a file')
  .parse()
  .opts<Plan>();
const plan: Plan = asked.quick ? { ...asked, ...QUICK } : asked;

process.once('SIGINT', () => abandon(130));
process.once('SIGTERM', () => abandon(143));
try {
  const results: Result[] = [];
  for (const name of MEASURED) results.push(await measure(name, plan));
  console.log(tableOf(results));
  if (plan.json !== undefined) writeFileSync(plan.json, `${JSON.stringify(jsonOf(results), undefined, 2)}\n`);
} catch (error) {
  console.error(error);
  abandon(1);
}

async function measure(name: string, { sessions, steps, stalled: count, honest }: Plan): Promise<Result> {
  const server = await start(name);
  await warm(server);
  const held: Conversation[] = [];
  const seen: Step[] = [await look(server, 0, honest)];
  for (let step = 1; step <= steps; step += 1) {
    const more = Math.round((sessions * step) / steps) - held.length;
    // In an application's hands, idle.
    held.push(...(await hold(server.ports.bulk, more, conversation => conversation.rest())));
    seen.push(await look(server, held.length, honest));
    console.error(`${name}: ${held.length} sessions held`);
  }
  for (const conversation of held) conversation.destroy();
  await server.end();
  return { server: name, steps: seen, stalled: await underStalled(name, count, honest) };
}

/** A fresh server: what thousands of sessions have left behind is not the stalled ones'. */
async function underStalled(name: string, count: number, honest: number): Promise<Result['stalled']> {
  const server = await start(name);
  await warm(server);
  const before = await stableMemory(server);
  const clients = await stalled(server.ports.dialogue, count);
  console.error(`${name}: ${count} clients stall, a third each: ${STALLS.join('; ')}`);
  const wait = await waitOf(server, honest);
  const memory = (await stableMemory(server)) - before;
  const lost = clients.filter(({ destroyed }) => destroyed).length;
  if (lost > 0) throw new Error(`${lost} of the stalled clients are gone: the figures are not of ${count}`);
  for (const client of clients) client.destroy();
  await server.end();
  return { count, memory: memory / count, wait };
}

async function start(name: string): Promise<ServerProcess> {
  return ServerProcess.start({ name, environment: await certificateEnvironment(), flags: STEADY_HEAP });
}

async function warm(server: ServerProcess): Promise<void> {
  const [upgrade] = operations;
  if (upgrade === undefined) throw new Error('nothing to warm up with');
  if (plan.quick) await warmUp([server], { ...upgrade, batch: QUICK.batch }, 1);
  else await warmUp([server], upgrade, WARM_UP_BATCHES);
}

async function look(server: ServerProcess, held: number, honest: number): Promise<Step> {
  const wait = await waitOf(server, honest);
  return { held, memory: await stableMemory(server), wait };
}

async function waitOf(server: ServerProcess, honest: number): Promise<Wait> {
  const took: number[] = [];
  const before = server.processorTime();
  for (let made = 0; made < honest; made += 1) {
    const begun = performance.now();
    const conversation = await Conversation.connectSecure(server.ports.dialogue);
    await conversation.say('NOOP\r\n');
    took.push(performance.now() - begun);
    await conversation.end();
  }
  const processor = (server.processorTime() - before) / honest;
  return { median: percentile(took, 0.5), p99: percentile(took, 0.99), processor };
}

/** From the first step to the last, in KiB for one session. */
function memoryEach(steps: readonly Step[]): number {
  const [first, last] = [steps[1], steps.at(-1)];
  if (first === undefined || last === undefined || first === last) return Number.NaN;
  return (last.memory - first.memory) / (last.held - first.held);
}

function tableOf(results: readonly Result[]): string {
  const head = ['', 'sessions', 'process, MiB', 'upgrade p50, ms', 'p99, ms', 'processor, µs'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { server, steps, stalled } of results) {
    for (const { held, memory, wait } of steps) table.push(row(server, `${held}`, memory / 1024, wait));
    table.push(
      row(server, `${stalled.count} stalled`, (stalled.memory * stalled.count) / 1024, stalled.wait),
    );
  }
  const each = results.map(({ server, steps, stalled }) => {
    const [idle, half] = [memoryEach(steps).toFixed(1), stalled.memory.toFixed(1)];
    return `${server}: ${idle} KiB an idle session, ${half} KiB a stalled client`;
  });
  return `${table.toString()}\n${each.join('\n')}\nNode ${process.version}.`;
}

function row(server: string, what: string, memory: number, { median, p99, processor }: Wait): string[] {
  return [server, what, memory.toFixed(0), median.toFixed(1), p99.toFixed(1), processor.toFixed(0)];
}

function jsonOf(results: readonly Result[]): object {
  const processor = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
  return { date: new Date().toISOString(), node: process.version, processor, results };
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('not a whole number from 1 to 99999');
}

function abandon(status: number): never {
  killServers();
  process.exit(status);
}
