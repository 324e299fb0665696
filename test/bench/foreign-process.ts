import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ports } from './control.ts';
import type { Measured } from './measured.ts';
import { processTime } from './processor-time.ts';

/** How often it is tried whether a program listens, and for how long between, in milliseconds. */
const ATTEMPTS = 200;
const BETWEEN = 50;

export interface ForeignStart {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly ports: Ports;
}

const running = new Set<ChildProcess>();

/** A program that is not ours, and is measured beside it. */
export class ForeignProcess implements Measured {
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

  /** Starts it, in the foreground, and waits until all its ports are open. */
  static async start({ name, command, args, ports }: ForeignStart): Promise<ForeignProcess> {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr?.on('data', (data: Buffer) => {
      said = (said + data.toString('latin1')).slice(-4096);
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.once('error', error => {
      said += error.message;
    });
    for (let attempt = 0; attempt < ATTEMPTS && child.exitCode === null; attempt += 1) {
      const open = await Promise.all(Object.values(ports).map(isOpen));
      if (child.pid !== undefined && open.every(Boolean)) {
        return new ForeignProcess(name, child.pid, ports, child);
      }
      await delay(BETWEEN);
    }
    child.kill('SIGKILL');
    throw new Error(`${name} did not start: ${said}`);
  }

  /** Threads that have ended with their connections are counted as well, which no thread's own clock does. */
  processorTime(): number {
    return processTime(this.pid);
  }

  async collectGarbage(): Promise<void> {}

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** Kills each that still runs: the way out on errors and signals. */
export function killForeign(): void {
  for (const child of running) child.kill('SIGKILL');
}

function isOpen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
