import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A Redis that keeps nothing, on a port of 127.0.0.1. */
export class RedisServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number) {
    this.port = port;
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Resolves when it takes connections. */
  static async start(port: number): Promise<RedisServer> {
    const server = new RedisServer(port);
    let said = '';
    server.#child.stdout?.setEncoding('utf8').on('data', text => {
      said += text;
    });
    while (!/Ready to accept connections/.test(said)) {
      if (server.#child.exitCode !== null || server.#child.stdout === null) throw new Error(said);
      await Promise.race([once(server.#child.stdout, 'data'), once(server.#child, 'exit')]);
    }
    return server;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
