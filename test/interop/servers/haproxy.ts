import { readFile, writeFile } from 'node:fs/promises';
import * as net from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ROOT } from '../../support/root.ts';
import { type Daemon, startDaemon } from './daemon.ts';

/** Between two looks at its figures, in milliseconds. */
const POLL = 100;

/** HAProxy with the configuration that the deployment guide gives, its addresses replaced. */
export class HaProxy {
  readonly #daemon: Daemon<'front'>;

  private constructor(daemon: Daemon<'front'>) {
    this.#daemon = daemon;
  }

  /** `nodes` are ports of 127.0.0.1. */
  static async start(nodes: readonly number[]): Promise<HaProxy> {
    const published = await readFile(join(ROOT, 'docs/deploy/haproxy.cfg'), 'utf8');
    const daemon = await startDaemon(['front'] as const, async ({ ports, path }) => {
      const file = path('haproxy.cfg');
      await writeFile(file, adapted(published, ports.front, nodes, path('admin.sock')));
      return {
        command: 'haproxy',
        args: ['-db', '-f', file],
        ready: { front: /^220/ },
        stopSignal: 'SIGKILL',
      };
    });
    return new HaProxy(daemon);
  }

  get port(): number {
    return this.#daemon.ports.front;
  }

  /** Says a command to HAProxy's own socket, and returns its answer. */
  async command(text: string): Promise<string> {
    const socket = net.connect(this.#daemon.path('admin.sock')).setEncoding('latin1');
    socket.write(`${text}\n`);
    let answer = '';
    for await (const part of socket) answer += part;
    return answer;
  }

  /** Resolves when HAProxy takes a node for one that works, or that does not. */
  async until(node: string, status: 'UP' | 'DOWN'): Promise<void> {
    while (!(await this.#column(node, 'status')).startsWith(status)) await pause(POLL);
  }

  /** Resolves when a node has no session. */
  async unused(node: string): Promise<void> {
    while ((await this.#column(node, 'scur')) !== '0') await pause(POLL);
  }

  async #column(node: string, name: string): Promise<string> {
    const rows = (await this.command('show stat')).split('\n').map(row => row.split(','));
    return rows.find(row => row[1] === node)?.[rows[0]?.indexOf(name) ?? -1] ?? '';
  }

  stop(): Promise<void> {
    return this.#daemon.stop();
  }
}

function adapted(published: string, front: number, nodes: readonly number[], socket: string): string {
  const placed = nodes.reduce(
    (text, port, index) => text.replace(`10.0.0.1${index + 1}:587`, `127.0.0.1:${port}`),
    published,
  );
  return placed
    .replace('/run/haproxy/admin.sock', socket)
    .replace('bind :587', `bind 127.0.0.1:${front}`)
    .replace('inter 1s', 'inter 200ms')
    .replace('maxconn 20000', 'maxconn 1000');
}
