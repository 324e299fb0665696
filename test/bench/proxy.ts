import { rmSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { backendEnvironment } from './backend.ts';
import { certificateEnvironment, certificateOfEnvironment } from './certificate.ts';
import { killForeign } from './foreign-process.ts';
import { type ForeignSetting, settingFor, startNginx, startStunnel } from './foreign-proxies.ts';
import type { Measured } from './measured.ts';
import { measureMemory, type Start } from './memory.ts';
import type { Operation } from './operations.ts';
import { DIRECT, join, proxyOperations } from './proxy-operations.ts';
import { type Field, jsonOf, type Series, tableOf } from './report.ts';
import { type Cost, measureRound, only, type Round, warmUp } from './rounds.ts';
import { killServers, ServerProcess } from './server-process.ts';
import { proxyTargets } from './targets.ts';

/** What a proxy costs, beside a bare one on Node, stunnel, and nginx's mail proxy. See README.md. */
interface Plan {
  readonly rounds: number;
  readonly only?: readonly string[];
  readonly proxies?: readonly string[];
  readonly quick?: true;
  readonly json?: string;
}

/** Batches before the first that counts. */
const WARM_UP_BATCHES = 6;
const MEMORY_ROUNDS = 5;
const CONNECTIONS = 1000;
/** A smoke run does so much less. */
const QUICK = { rounds: 1, connections: 20, batches: 1, share: 1 / 64 };

/** What is measured on one session that stands. */
const STREAMS: ReadonlySet<string> = new Set(['line', 'out', 'in']);

const PROXIES = ['sallyport', 'bare', 'stunnel', 'nginx'] as const;
const figures = [...proxyOperations.map(({ name }) => name), 'memory'];
const plan = new Command('proxy')
  .option('--rounds <count>', 'rounds, at least 1', wholeNumber, 20)
  .addOption(new Option('--only <figures...>', 'measure only these').choices(figures))
  .addOption(new Option('--proxies <names...>', 'only these').choices(PROXIES))
  .option('--quick', 'a smoke run: its figures mean nothing')
  .option('--json <file>', 'write the figures and all rounds to a file')
  .parse()
  .opts<Plan>();
const names = PROXIES.filter(name => plan.proxies?.includes(name) ?? true);
const field: Field = { names, rivals: names.slice(1), targets: proxyTargets };

let setting: ForeignSetting | undefined;
process.once('SIGINT', () => abandon(130));
process.once('SIGTERM', () => abandon(143));
try {
  await run();
  leave();
} catch (error) {
  console.error(error);
  abandon(1);
}

async function run(): Promise<void> {
  Object.assign(process.env, await certificateEnvironment());
  const backend = await ServerProcess.start({ name: DIRECT, program: 'backend', environment: {} });
  const { dialogue, postgres, authHttp } = backend.ports;
  if (postgres === undefined || authHttp === undefined) throw new Error('the backend lacks a port');
  const to = { dialogue, postgres, authHttp };
  Object.assign(process.env, backendEnvironment(to));
  setting = settingFor(certificateOfEnvironment(), to);
  const starts = startsOf(setting);
  const wanted = (name: string) => plan.only?.includes(name) ?? true;
  const [costs, clocks]: [Series[], Series[]] = [[], []];
  // Fresh processes for the streams: in those that had made thousands of upgrades before, they cost all proxies far more.
  for (const streams of [false, true]) {
    const operations = proxyOperations.filter(({ name }) => wanted(name) && STREAMS.has(name) === streams);
    const measured = await measureOperations(starts, backend, operations);
    costs.push(...measured.costs);
    clocks.push(...measured.clocks);
  }
  if (wanted('memory')) costs.push(await measureMemories(starts));
  console.log(`Processor time of the proxy for one, and memory:\n${tableOf(costs, field)}`);
  const onTheClock: Field = { names: [...names, DIRECT], rivals: names.slice(1), targets: {} };
  if (clocks.length > 0) console.log(`On the clock:\n${tableOf(clocks, onTheClock)}`);
  if (plan.json !== undefined) {
    const json = { costs: jsonOf(costs, field), clocks: jsonOf(clocks, onTheClock) };
    writeFileSync(plan.json, `${JSON.stringify(json, undefined, 2)}\n`);
  }
  await backend.end();
}

function startsOf(foreign: ForeignSetting): readonly Start[] {
  const onNode = (name: string) => (flags: readonly string[]) =>
    ServerProcess.start({ name, program: `${name}-proxy`, environment: {}, flags });
  const all: Readonly<Record<(typeof PROXIES)[number], Start>> = {
    sallyport: onNode('sallyport'),
    bare: onNode('bare'),
    stunnel: () => startStunnel(foreign),
    nginx: () => startNginx(foreign),
  };
  return names.map(name => all[name]);
}

interface Measurement {
  /** Of processor time. */
  readonly costs: Series[];
  /** Of what a client sees. */
  readonly clocks: Series[];
}

async function measureOperations(
  starts: readonly Start[],
  backend: Measured,
  wanted: readonly Operation[],
): Promise<Measurement> {
  if (wanted.length === 0) return { costs: [], clocks: [] };
  const proxies = await Promise.all(starts.map(start => start([])));
  const all = wanted.map(scaled).map(operation => ({
    operation,
    servers: [...proxies, backend].filter(server => can(server, operation)),
    rounds: [] as Readonly<Record<string, Cost>>[],
  }));
  for (const { operation, servers } of all) await warmUp(servers, operation, batches());
  const count = plan.quick ? QUICK.rounds : plan.rounds;
  for (let round = 0; round < count; round += 1) {
    console.error(`round ${round + 1} of ${count}`);
    for (const { operation, servers, rounds } of all) {
      rounds.push(await measureRound(servers, operation, round));
    }
  }
  await Promise.all(proxies.map(proxy => proxy.end()));
  return {
    costs: all.map(({ operation: { name, title }, rounds }) => {
      return { name, title, unit: 'µs', rounds: rounds.map(costs => only('processor', costs)) };
    }),
    clocks: all.map(({ operation, rounds }) => onTheClock(operation, rounds)),
  };
}

/** nginx's mail proxy knows no postgres, and where there is no proxy there is no TLS. */
function can({ name, ports }: Measured, operation: Operation): boolean {
  if (operation.name === 'postgres') return ports.postgres !== undefined && name !== DIRECT;
  return name !== DIRECT || STREAMS.has(operation.name);
}

/** As clients see it: a line's round trip in microseconds, and of all else how many a second. */
function onTheClock({ name, title }: Operation, rounds: readonly Readonly<Record<string, Cost>>[]): Series {
  const elapsed = rounds.map(costs => only('elapsed', costs));
  if (name === 'line') return { name, title: 'line, there and back', unit: 'µs', rounds: elapsed };
  const aSecond = elapsed.map(
    (round): Round => Object.fromEntries(Object.entries(round).map(([who, each]) => [who, 1e6 / each])),
  );
  return { name, title, unit: ['in', 'out'].includes(name) ? 'MiB/s' : '/s', rounds: aSecond };
}

/** An idle session and the connection to the server behind, both of them the proxy's. */
async function measureMemories(starts: readonly Start[]): Promise<Series> {
  const [upgrade] = proxyOperations;
  if (upgrade === undefined) throw new Error('nothing to warm up with');
  const rounds: Round[] = [];
  const count = plan.quick ? QUICK.rounds : Math.min(MEMORY_ROUNDS, plan.rounds);
  const connections = plan.quick ? QUICK.connections : CONNECTIONS;
  const memoryPlan = { connections, warmUp: scaled(upgrade), batches: batches(), settle: join };
  for (let round = 0; round < count; round += 1) {
    console.error(`memory, round ${round + 1} of ${count}`);
    rounds.push(await measureMemory(starts, memoryPlan, round));
  }
  return { name: 'memory', title: 'idle session', unit: 'KiB', rounds };
}

function batches(): number {
  return plan.quick ? QUICK.batches : WARM_UP_BATCHES;
}

function scaled(operation: Operation): Operation {
  return plan.quick ? { ...operation, batch: Math.ceil(operation.batch * QUICK.share) } : operation;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('not a whole number from 1 to 9999');
}

function leave(): void {
  killServers();
  killForeign();
  if (setting !== undefined) rmSync(setting.folder, { recursive: true, force: true });
}

function abandon(status: number): never {
  leave();
  process.exit(status);
}
