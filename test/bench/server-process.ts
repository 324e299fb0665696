import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COLLECT, COLLECTED, isPorts, type Ports } from './control.ts';

/** The servers that are compared, the one in question first. */
export const SERVERS = ['sallyport', 'bare', 'smtp-server'] as const;
export type ServerName = (typeof SERVERS)[number];

/** Time for a server to start or to collect its garbage, in milliseconds. */
const PATIENCE = 20_000;

const running = new Set<ChildProcess>();

/** One measured server, in a process of its own. */
export class ServerProcess {
  readonly name: ServerName;
  readonly pid: number;
  readonly ports: Ports;
  readonly #child: ChildProcess;

  private constructor(name: ServerName, pid: number, ports: Ports, child: ChildProcess) {
    this.name = name;
    this.pid = pid;
    this.ports = ports;
    this.#child = child;
  }

  /**
   * Starts a server, with these flags for its Node, and waits until it listens. `SALLYPORT_BENCH_NODE` holds
   * more flags (a profile).
   */
  static async start(
    name: ServerName,
    certificate: Readonly<Record<string, string>>,
    own: readonly string[] = [],
  ): Promise<ServerProcess> {
    // Beside this file, and built or not as it is.
    const file = new URL(`./serve-${name}${extname(import.meta.url)}`, import.meta.url);
    const flags = (process.env['SALLYPORT_BENCH_NODE'] ?? '').split(' ').filter(flag => flag !== '');
    const child = fork(fileURLToPath(file), [], {
      execArgv: ['--expose-gc', ...own, ...flags],
      env: { ...process.env, ...certificate },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    const [ports] = await once(child, 'message', { signal: AbortSignal.timeout(PATIENCE) });
    if (child.pid === undefined || !isPorts(ports)) throw new Error(`${name} did not start`);
    return new ServerProcess(name, child.pid, ports, child);
  }

  /** Has the server collect its garbage. */
  async collectGarbage(): Promise<void> {
    const collected = once(this.#child, 'message', { signal: AbortSignal.timeout(PATIENCE) });
    this.#child.send(COLLECT);
    const [answer] = await collected;
    if (answer !== COLLECTED) throw new Error(`${this.name} did not collect its garbage`);
  }

  /** Ends the server in order (a profile is written then), and waits until it is gone. */
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
