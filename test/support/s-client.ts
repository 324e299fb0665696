import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface SClientRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real `openssl s_client` to its end; its standard input is empty. */
export async function sClient(port: number, ...args: readonly string[]): Promise<SClientRun> {
  const command = ['s_client', '-connect', `127.0.0.1:${port}`, ...args];
  const child = spawn('openssl', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', data => {
      said[stream] += String(data);
    });
  }
  await once(child, 'close');
  return { status: child.exitCode, ...said };
}
