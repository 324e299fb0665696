import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { certificateEnvironment } from './certificate.ts';
import type { Conversation } from './conversation.ts';
import { measureMemory, type Start } from './memory.ts';
import { type Operation, operations } from './operations.ts';
import { type Field, jsonOf, type Series, tableOf } from './report.ts';
import { measureRound, only, type Round, warmUp } from './rounds.ts';
import { killServers, ServerProcess } from './server-process.ts';
import { serverTargets } from './targets.ts';

/** What the upgrade, and what is around it, costs a server, beside two others. See README.md. */
interface Plan {
  readonly rounds: number;
  readonly only?: readonly string[];
  readonly quick?: true;
  readonly json?: string;
}

const FIELD: Field = {
  names: ['sallyport', 'bare', 'smtp-server'],
  rivals: ['bare', 'smtp-server'],
  targets: serverTargets,
};

/** Batches before the first that counts: some 3000 connections. */
const WARM_UP_BATCHES = 60;
/** One round of memory is three fresh servers and as many thousand handshakes. */
const MEMORY_ROUNDS = 5;
const CONNECTIONS = 1000;
/** Batches that a fresh server does before its memory is read. */
const MEMORY_WARM_UP = 7;
/** A smoke run does so much less. */
const QUICK = { rounds: 2, memoryRounds: 1, connections: 100, batches: 1, share: 0.1 };

const figures = [...operations.map(({ name }) => name), 'memory'];
const plan = new Command('bench')
  .option('--rounds <count>', 'rounds, at least 1', wholeNumber, 60)
  .addOption(new Option('--only <figures...>', 'measure only these').choices(figures))
  .option('--quick', 'a smoke run: its figures mean nothing')
  .option('--json <file>', 'write the figures and all rounds to a file')
  .parse()
  .opts<Plan>();

process.once('SIGINT', () => abandon(130));
process.once('SIGTERM', () => abandon(143));
try {
  await run(plan);
} catch (error) {
  console.error(error);
  abandon(1);
}

async function run(plan: Plan): Promise<void> {
  const environment = await certificateEnvironment();
  const starts = FIELD.names.map(
    (name): Start =>
      flags =>
        ServerProcess.start({ name, environment, flags }),
  );
  const wanted = (name: string) => plan.only?.includes(name) ?? true;
  const all = await measureOperations(
    operations.filter(({ name }) => wanted(name)).map(operation => scaled(operation, plan)),
    starts,
    plan,
  );
  if (wanted('memory')) all.push(await measureMemories(starts, plan));
  console.log(tableOf(all, FIELD));
  if (plan.json !== undefined)
    writeFileSync(plan.json, `${JSON.stringify(jsonOf(all, FIELD), undefined, 2)}\n`);
}

/** All servers are up at once; a round goes through all operations, so that each is spread over the whole run. */
async function measureOperations(
  wanted: readonly Operation[],
  starts: readonly Start[],
  plan: Plan,
): Promise<Series[]> {
  if (wanted.length === 0) return [];
  const servers = await Promise.all(starts.map(start => start([])));
  const all = wanted.map(operation => ({ operation, rounds: [] as Round[] }));
  for (const { operation } of all) await warmUp(servers, operation, batches(plan));
  const count = plan.quick ? QUICK.rounds : plan.rounds;
  for (let round = 0; round < count; round += 1) {
    console.error(`round ${round + 1} of ${count}`);
    for (const { operation, rounds } of all) {
      rounds.push(only('processor', await measureRound(servers, operation, round)));
    }
  }
  await Promise.all(servers.map(server => server.end()));
  return all.map(({ operation: { name, title }, rounds }) => ({ name, title, unit: 'µs', rounds }));
}

async function measureMemories(starts: readonly Start[], plan: Plan): Promise<Series> {
  const [warm] = operations;
  if (warm === undefined) throw new Error('nothing to warm up with');
  const rounds: Round[] = [];
  const count = plan.quick ? QUICK.memoryRounds : Math.min(MEMORY_ROUNDS, plan.rounds);
  const connections = plan.quick ? QUICK.connections : CONNECTIONS;
  const memoryPlan = {
    connections,
    warmUp: scaled(warm, plan),
    batches: MEMORY_WARM_UP,
    settle: (conversation: Conversation) => conversation.say('NOOP\r\n'),
  };
  for (let round = 0; round < count; round += 1) {
    console.error(`memory, round ${round + 1} of ${count}`);
    rounds.push(await measureMemory(starts, memoryPlan, round));
  }
  return { name: 'memory', title: 'idle secure connection', unit: 'KiB', rounds };
}

function batches({ quick }: Plan): number {
  return quick ? QUICK.batches : WARM_UP_BATCHES;
}

function scaled(operation: Operation, { quick }: Plan): Operation {
  return quick ? { ...operation, batch: Math.ceil(operation.batch * QUICK.share) } : operation;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('not a whole number from 1 to 9999');
}

function abandon(status: number): never {
  killServers();
  process.exit(status);
}
