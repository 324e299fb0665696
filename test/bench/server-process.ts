import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COLLECT, COLLECTED, isPorts, type Ports } from './control.ts';
import type { Measured } from './measured.ts';
import { processorTime } from './processor-time.ts';

/** Time for a server to start or to collect its garbage, in milliseconds. */
const PATIENCE = 60_000;

const running = new Set<ChildProcess>();

export interface ServerStart {
  /** In the report. */
  readonly name: string;
  /** The program: `serve-…` beside this file. Default: the name. */
  readonly program?: string;
  /** More of its environment: the certificate, at least. */
  readonly environment: Readonly<Record<string, string>>;
  /** Flags for its Node. Default: none. */
  readonly flags?: readonly string[];
}

/** One measured server on Node, in a process of its own. */
export class ServerProcess implements Measured {
  readonly name: string;
  readonly pid: number;
  readonly ports: Ports;
  readonly #child: ChildProcess;

  private constructor(name: string, pid: number, ports: Ports, child: ChildProcess) {
    this.name = name;
    this.pid = pid;
    this.ports = ports;
    this.#child = child;
  }

  /** Starts a server and waits until it listens. `SALLYPORT_BENCH_NODE` holds more flags (a profile). */
  static async start({ name, program = name, environment, flags = [] }: ServerStart): Promise<ServerProcess> {
    // Beside this file, and built or not as it is; then with what makes Node read TypeScript.
    const file = new URL(`./serve-${program}${extname(import.meta.url)}`, import.meta.url);
    const more = (process.env['SALLYPORT_BENCH_NODE'] ?? '').split(' ').filter(flag => flag !== '');
    const child = fork(fileURLToPath(file), [], {
      execArgv: [...process.execArgv, '--expose-gc', ...flags, ...more],
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    const [ports] = await once(child, 'message', { signal: AbortSignal.timeout(PATIENCE) });
    if (child.pid === undefined || !isPorts(ports)) throw new Error(`${name} did not start`);
    return new ServerProcess(name, child.pid, ports, child);
  }

  processorTime(): number {
    return processorTime(this.pid);
  }

  async collectGarbage(): Promise<void> {
    const collected = once(this.#child, 'message', { signal: AbortSignal.timeout(PATIENCE) });
    this.#child.send(COLLECT);
    const [answer] = await collected;
    if (answer !== COLLECTED) throw new Error(`${this.name} did not collect its garbage`);
  }

  /** A profile is written then. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit', { signal: AbortSignal.timeout(PATIENCE) });
    this.#child.disconnect();
    await gone;
  }
}

/** Kills, by its process, each server that still runs: the way out on errors and signals. */
export function killServers(): void {
  for (const child of running) child.kill('SIGKILL');
}
