import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { protocols } from '../../protocol/index.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';
import { type Random, randomOf } from '../fuzz/random.ts';
import { visitHonestly } from './honest-client.ts';
import { visitRudely } from './rude-client.ts';
import type { Figures, Order, Reply } from './soak-server.ts';

export interface SoakPlan {
  /** How long the visits go on, in milliseconds. */
  readonly duration: number;
  readonly seed: number;
}

export interface SoakResult {
  readonly lines: number;
  readonly visits: number;
  readonly rude: number;
  readonly reloads: number;
  /** What went wrong for an honest client, or when a rude one was kept too long, and how long after the start. */
  readonly failures: readonly string[];
  /** The longest that the clients' process stood still, in milliseconds. */
  readonly standstill: number;
  /** Before the first visit, during them, and after the last. */
  readonly before: Figures;
  readonly during: readonly Figures[];
  readonly after: Figures;
}

const HONEST = 8;
/** At most so long an honest one waits for its next visit, in milliseconds: the servers are to live, not to race. */
const BREATH = 150;
const RUDE = 30;
/** Between two reloads, and between two looks at the figures, in milliseconds. */
const RELOAD_EVERY = 2000;
const LOOK_EVERY = 4000;
/** Certificates that take turns. */
const CERTIFICATES = 4;

/**
 * Servers of all protocols in one process of their own, visited for a while by honest clients and rude ones, while
 * their certificate is replaced every two seconds.
 */
export async function soak({ duration, seed }: SoakPlan): Promise<SoakResult> {
  const authority = await issueCertificate({ commonName: 'Soak', days: 3, usage: 'authority' });
  const certificates = await Promise.all(Array.from({ length: CERTIFICATES }, () => issued(authority)));
  const server = new SoakServer();
  try {
    const ports = await server.serve(certificates.slice(0, 1));
    return await visited(server, { duration, seed, ports, certificates, ca: authority.cert });
  } finally {
    await server.stop();
  }
}

interface Scene extends SoakPlan {
  readonly ports: Readonly<Record<string, number>>;
  readonly certificates: readonly Certificate[];
  readonly ca: string;
}

async function visited(server: SoakServer, scene: Scene): Promise<SoakResult> {
  const { duration, seed, ca, certificates } = scene;
  const start = performance.now();
  const over = start + duration;
  const counts = { lines: 0, visits: 0, rude: 0, reloads: 0 };
  const failures: string[] = [];
  const during: Figures[] = [];
  const before = await server.figures();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const fail = (error: unknown) => failures.push(`${seconds(start)}: ${String(error)}`);
  const many = (count: number, first: number, work: (random: Random) => Promise<void>) =>
    Array.from({ length: count }, async (_, index) => {
      const random = randomOf(seed + first + index);
      while (performance.now() < over) await work(random).catch(fail);
    });
  const honest = async (random: Random) => {
    const { protocol, port } = chosen(scene, random);
    const begun = performance.now();
    const lines = await visitHonestly({ protocol, port, ca, random }).catch((error: unknown) => {
      throw new Error(`${protocol.name}, ${seconds(begun)} after it came: ${error}`);
    });
    counts.lines += lines;
    counts.visits += 1;
    await pause(random.below(BREATH));
  };
  const rude = async (random: Random) => {
    await visitRudely(chosen(scene, random).port, random);
    counts.rude += 1;
  };
  const every = async (span: number, work: () => Promise<unknown>) => {
    for (; performance.now() + span < over; await work()) await pause(span);
  };
  const reload = async () => {
    counts.reloads += 1;
    const [certificate] = certificates.slice(counts.reloads % certificates.length);
    if (certificate !== undefined) await server.reload(certificate);
  };
  await Promise.all([
    ...many(HONEST, 0, honest),
    ...many(RUDE, HONEST, rude),
    every(RELOAD_EVERY, reload),
    every(LOOK_EVERY, async () => during.push(await server.figures())),
  ]);
  delay.disable();
  return { ...counts, failures, standstill: delay.max / 1e6, before, during, after: await server.quiet() };
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

function chosen({ ports }: Scene, random: Random) {
  const protocol = random.oneOf(protocols);
  return { protocol, port: ports[protocol.name] ?? 0 };
}

function issued(authority: Certificate): Promise<Certificate> {
  return issueCertificate({ commonName: 'localhost', days: 2, names: ['localhost'] }, authority);
}

/** Orders are carried out one after the other, so a reply is to the order before it. */
class SoakServer {
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    const file = fileURLToPath(new URL('./soak-server.ts', import.meta.url));
    this.#child = fork(file, { execArgv: [...process.execArgv, '--expose-gc'] });
  }

  async serve([certificate]: readonly Certificate[]): Promise<Readonly<Record<string, number>>> {
    if (certificate === undefined) throw new Error('no certificate');
    const reply = await this.#carryOut({ order: 'serve', certificate });
    if (!('ports' in reply)) throw new Error('no ports');
    return reply.ports;
  }

  async reload(certificate: Certificate): Promise<void> {
    await this.#carryOut({ order: 'reload', certificate });
  }

  async figures(): Promise<Figures> {
    const reply = await this.#carryOut({ order: 'figures' });
    if ('ports' in reply) throw new Error('no figures');
    return reply;
  }

  /** When all connections are over. */
  async quiet(): Promise<Figures> {
    for (;;) {
      const figures = await this.figures();
      if (figures.connections === 0) return figures;
      await pause(200);
    }
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }

  #carryOut(order: Order): Promise<Reply> {
    const reply = this.#last.then(async () => {
      const replied = once(this.#child, 'message', { signal: AbortSignal.timeout(60_000) });
      this.#child.send(order);
      const [message] = await replied;
      return message as Reply; // of our own process
    });
    this.#last = reply.catch(() => {});
    return reply;
  }
}
