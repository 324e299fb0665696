import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a daemon is to run: a directory that is its own, and free ports of 127.0.0.1. */
export interface DaemonPlace<Port extends string> {
  readonly directory: string;
  readonly ports: Readonly<Record<Port, number>>;
  /** A file or folder in the directory. */
  path(name: string): string;
}

/** How a daemon is started; it has to stay in the foreground, and to write its log to either output. */
export interface DaemonPlan<Port extends string> {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What each port says when the daemon is ready, or `connects` where the client speaks first. */
  readonly ready: Readonly<Partial<Record<Port, RegExp | 'connects'>>>;
  /** Makes it end. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

/** A port may be taken between its choice and the daemon's start: then it is tried with others. */
const ATTEMPTS = 3;
const READY_WITHIN = 30_000;
const LOGGED_WITHIN = 20_000;
const STOPPED_WITHIN = 10_000;
const RETRY_EVERY = 50;

/**
 * Starts a real server, without any part in the system's: `plan` writes its configuration into the directory. Resolves
 * when all ports of `ready` answer; rejects, with the daemon's log, when it ends or does not answer in time.
 */
export async function startDaemon<Port extends string>(
  ports: readonly Port[],
  plan: (place: DaemonPlace<Port>) => Promise<DaemonPlan<Port>>,
): Promise<Daemon<Port>> {
  for (let attempt = 1; ; attempt++) {
    const place = await newPlace(ports);
    const daemon = new Daemon(place, await plan(place));
    try {
      await daemon.ready();
      return daemon;
    } catch (error) {
      await daemon.stop();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** A real server that runs. Its process group is its own, and goes with us. */
export class Daemon<Port extends string> implements DaemonPlace<Port> {
  readonly directory: string;
  readonly ports: Readonly<Record<Port, number>>;
  readonly #plan: DaemonPlan<Port>;
  readonly #child: ChildProcess;
  /** Its first process has ended; others of its group may be left. */
  readonly #exited: Promise<unknown>;
  readonly #closed: Promise<unknown>;
  readonly #killGroup = () => this.#signalGroup('SIGKILL');
  #log = '';
  #over = false;

  constructor({ directory, ports }: DaemonPlace<Port>, plan: DaemonPlan<Port>) {
    this.directory = directory;
    this.ports = ports;
    this.#plan = plan;
    this.#child = spawn(plan.command, plan.args, {
      cwd: directory,
      detached: true,
      env: { ...process.env, LC_ALL: 'C', ...plan.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (text: string) => {
      this.#log += text;
    };
    this.#child.stdout?.setEncoding('latin1').on('data', keep);
    this.#child.stderr?.setEncoding('latin1').on('data', keep);
    this.#exited = once(this.#child, 'exit')
      .catch((error: Error) => keep(error.message))
      .finally(() => {
        this.#over = true;
      });
    this.#closed = once(this.#child, 'close').catch(() => {});
    process.once('exit', this.#killGroup);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** All that it has said so far. */
  get log(): string {
    return this.#log;
  }

  /** Resolves with the match when the log has the pattern; rejects if the daemon ends before, or says nothing for long. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#log);
      if (match !== null) return match;
      const deadline = new AbortController();
      const late = sleep(LOGGED_WITHIN, 'late', { signal: deadline.signal }).catch(() => 'stopped');
      const event = await Promise.race([this.#exited, this.#somethingLogged(), late]);
      deadline.abort();
      if (this.#over || event === 'late') throw new Error(`not logged: ${pattern}:\n${this.#log}`);
    }
  }

  /** Resolves when it answers on the ports that tell; see `startDaemon`. */
  async ready(): Promise<void> {
    const late = new AbortController();
    const deadline = setTimeout(() => late.abort(), READY_WITHIN);
    try {
      for (const [name, sign] of Object.entries<RegExp | 'connects' | undefined>(this.#plan.ready)) {
        const port = this.ports[name as Port]; // `ready` has no other keys
        while (sign !== undefined && !(await answers(port, sign))) {
          if (this.#over) throw new Error(`${this.#plan.command} has ended:\n${this.#log}`);
          if (late.signal.aborted) throw new Error(`${this.#plan.command} is not ready:\n${this.#log}`);
          await sleep(RETRY_EVERY);
        }
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Ends it, kills what it has left of itself, and removes its directory. */
  async stop(): Promise<void> {
    if (!this.#over) this.#child.kill(this.#plan.stopSignal ?? 'SIGTERM');
    const deadline = setTimeout(this.#killGroup, STOPPED_WITHIN);
    await this.#exited.finally(() => clearTimeout(deadline));
    this.#killGroup();
    await this.#closed;
    process.off('exit', this.#killGroup);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nobody is left of it.
    }
  }

  async #somethingLogged(): Promise<void> {
    const { stdout, stderr } = this.#child;
    await new Promise<void>(resolve => {
      const said = () => {
        stdout?.off('data', said);
        stderr?.off('data', said);
        resolve();
      };
      stdout?.on('data', said);
      stderr?.on('data', said);
    });
  }
}

/** Daemons have users of their own, so all may go through the directory. */
async function newPlace<Port extends string>(names: readonly Port[]): Promise<DaemonPlace<Port>> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-daemon-'));
  await chmod(directory, 0o755);
  const numbers = await freePorts(names.length);
  const ports = Object.fromEntries(names.map((name, at) => [name, numbers[at]])) as Record<Port, number>; // as many
  return { directory, ports, path: name => join(directory, name) };
}

/** Ports of 127.0.0.1 that nobody listens on; all are held until the last is found, so they differ. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => net.createServer());
  await Promise.all(servers.map(server => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map(server => (server.address() as net.AddressInfo).port); // of a TCP server
  await Promise.all(servers.map(server => once(server.close(), 'close')));
  return ports;
}

/** Whether a port takes a connection and, where a greeting is expected, says it. */
async function answers(port: number, sign: RegExp | 'connects'): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1').setEncoding('latin1').setTimeout(5000);
  socket.on('timeout', () => socket.destroy());
  try {
    await once(socket, 'connect');
    if (sign === 'connects') return true;
    let heard = '';
    for await (const text of socket) {
      heard += text;
      if (sign.test(heard)) return true;
    }
  } catch {
    // Not yet: it refuses, or breaks off.
  } finally {
    socket.destroy();
  }
  return false;
}
