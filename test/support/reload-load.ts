import type { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type * as tls from 'node:tls';
import { SALLYPORT } from './command.ts';
import { WireClient } from './wire-client.ts';

/** However busy the machine is: what is waited for comes, or the test is over. In milliseconds. */
const PATIENCE = 100_000;

/** A `sallyport run` whose log is read line by line. */
export class RunningService {
  readonly #child: ChildProcess;
  readonly #told = new EventEmitter();
  /** How connections ended that did not end well, by code. */
  readonly faults = new Map<string, number>();
  readonly ports: number[] = [];
  exitStatus: number | null = null;

  constructor(file: string) {
    this.#child = spawn(process.execPath, [...SALLYPORT, 'run', '--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (this.#child.stderr === null) throw new Error('no pipe');
    createInterface({ input: this.#child.stderr }).on('line', line => this.#hear(line));
  }

  async ready(): Promise<void> {
    await once(this.#told, 'ready');
  }

  /** Has it read its configuration again; rejects where it is refused. */
  async reload(): Promise<void> {
    const answer = once(this.#told, 'answer');
    this.#child.kill('SIGHUP');
    const [fields] = await answer;
    if (fields.msg !== 'reloaded') throw new Error(JSON.stringify(fields));
  }

  /** Lets it drain; resolves with its exit status. */
  async stop(): Promise<number | null> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    return this.#child.exitCode;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(line: string): void {
    const fields = JSON.parse(line);
    if (fields.msg === 'listening') this.ports.push(fields.port);
    if (fields.msg === 'ready') this.#told.emit('ready');
    if (fields.msg === 'reloaded' || /^reload refused/.test(fields.msg)) this.#told.emit('answer', fields);
    if (fields.msg === 'session ended' && fields.code !== undefined)
      this.faults.set(fields.code, (this.faults.get(fields.code) ?? 0) + 1);
  }
}

export interface LoadFigures {
  /** Upgrades that came to an answer under TLS. */
  upgrades: number;
  /** Why others did not. */
  readonly failures: string[];
  /** Upgrades that came with the ticket, and those of them that were resumed. */
  withTicket: number;
  resumed: number;
  /** From connecting to the answer, in milliseconds. */
  readonly times: number[];
}

export interface Load {
  readonly port: number;
  /** Upgrades in a second. */
  readonly rate: number;
  /** Aborted when it is enough. */
  readonly enough: AbortSignal;
  /** What every fourth client comes with. */
  readonly ticket: Buffer;
}

/** Upgrades at a rate, each on a connection of its own, until it is enough; resolves when all are done. */
export async function upgrades({ port, rate, enough, ticket }: Load): Promise<LoadFigures> {
  const figures: LoadFigures = {
    upgrades: 0,
    failures: [],
    withTicket: 0,
    resumed: 0,
    times: [],
  };
  const begun = performance.now();
  const all: Promise<void>[] = [];
  for (let count = 0; !enough.aborted; count += 1) {
    const early = begun + (count * 1000) / rate - performance.now();
    if (early > 1) await pause(early);
    all.push(oneUpgrade(port, count % 4 === 0 ? ticket : undefined, figures));
  }
  await Promise.all(all);
  return figures;
}

async function oneUpgrade(port: number, session: Buffer | undefined, figures: LoadFigures): Promise<void> {
  const started = performance.now();
  try {
    const { client, secure } = await upgraded(port, session && { session });
    await echo(client, 'hello');
    figures.times.push(performance.now() - started);
    figures.upgrades += 1;
    if (session !== undefined) figures.withTicket += 1;
    if (secure.isSessionReused()) figures.resumed += 1;
    client.destroy();
  } catch (error) {
    figures.failures.push(String(error));
  }
}

/** A client of smtp under TLS. */
export async function upgraded(
  port: number,
  options?: tls.ConnectionOptions,
): Promise<{ client: WireClient; secure: tls.TLSSocket }> {
  const client = await WireClient.connect(port);
  await client.until(/^220 .*\r\n/, PATIENCE);
  client.say('STARTTLS\r\n');
  await client.until(/^220 .*\r\n/, PATIENCE);
  return { client, secure: await client.startTls(options) };
}

/** Says a line and waits until it comes back. */
export async function echo(client: WireClient, word: string): Promise<void> {
  client.say(`${word}\r\n`);
  await client.until(`echo ${word}\r\n`, PATIENCE);
}
