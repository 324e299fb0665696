import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { testCertificates } from '../support/certificates.ts';
import { SALLYPORT } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { WireClient } from '../support/wire-client.ts';

/** Descriptors that the process may have, and clients that come at once. */
const [LIMIT, CLIENTS] = [128, 300];

describe('a process with few descriptors', function () {
  this.timeout(60_000);
  if (process.platform !== 'linux') return;
  after(removeFolders);

  it('turns away who is too many, idles meanwhile, says so once, and goes on when there is room', async () => {
    const { server } = await testCertificates();
    const folder = await folderWith({ 'cert.pem': server.cert + server.key });
    const serve = [
      'serve',
      'smtp',
      '--port',
      '0',
      '--cert',
      join(folder, 'cert.pem'),
      '--max-per-address',
      '0',
    ];
    const command = [process.execPath, ...SALLYPORT, ...serve];
    const child = spawn('sh', ['-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', ...command]);
    let printed = '';
    child.stdout.on('data', data => (printed += data));
    child.stderr.on('data', data => (printed += data));
    try {
      while (!/127\.0\.0\.1:\d+/.test(printed)) await once(child.stdout, 'data');
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]);
      const clients = await crowd(port);
      await pause(1000);
      const before = processorTicks(child.pid);
      await pause(2000);
      expect(processorTicks(child.pid) - before, 'ticks of 10 ms in 2 s').to.be.at.most(30);
      for (const client of clients) client.destroy();
      await served(port);
      expect(printed.match(/connections dropped/g)).to.have.lengthOf(1);
      expect(child.exitCode).to.equal(null);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});

/** Clients that came, whether or not they were let in. */
async function crowd(port: number): Promise<net.Socket[]> {
  return Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      // Half open, so that it keeps its place when it is told to go.
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {}).resume();
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      return socket;
    }),
  );
}

/** Waits until a new client is greeted. */
async function served(port: number): Promise<void> {
  for (;;) {
    const client = await WireClient.connect(port);
    const greeted = await client.hears(() => client.heard.startsWith('220'));
    client.destroy();
    if (greeted) return;
    await pause(50);
  }
}

/** Processor time that a process has used, user and system, in ticks (proc(5), /proc/pid/stat). */
function processorTicks(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
