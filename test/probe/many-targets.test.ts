import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { protocols, smtp } from '../../protocol/index.ts';
import type { Certificate } from '../../src/options.ts';
import type { ProbeTarget } from '../../src/probe/probe-target.ts';
import { probeAll } from '../../src/probe.ts';
import { CommandProcess } from '../support/command.ts';
import { issue } from '../support/faulty/certificates.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { LONG } from '../support/scale.ts';
import { serving, stopServing } from '../support/serving.ts';

const TARGETS = LONG ? 200 : 20;
const CONCURRENCY = 20;
const TIMEOUT = 1000;

/** Servers that are none. */
const strangers: Readonly<Record<string, (socket: net.Socket) => void>> = {
  silent: () => {},
  closing: socket => socket.end(),
  resetting: socket => socket.resetAndDestroy(),
  garbage: socket => socket.on('data', () => {}).write(Buffer.alloc(4096, 0xa5)),
  endless: socket => {
    const timer = setInterval(() => socket.write('220-and on\r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  },
};

describe('probe of many targets', () => {
  const servers: net.Server[] = [];
  const sockets = new Set<net.Socket>();

  after(async () => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
    await stopServing();
    await removeFolders();
  });

  async function stranger(behave: (socket: net.Socket) => void): Promise<ProbeTarget> {
    const server = net.createServer(socket => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      behave(socket);
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    return { protocol: smtp, implicit: false, address: { host: '127.0.0.1', port } };
  }

  /** Half of them ours, of every protocol, half of them strangers; with the verdict that each must get. */
  async function mixture(certificate: Certificate) {
    const kinds = Object.values(strangers);
    const targets: ProbeTarget[] = [];
    const expected: string[] = [];
    for (let index = 0; index < TARGETS; index++) {
      const behave = kinds[index % kinds.length];
      const protocol = protocols[index % protocols.length] ?? smtp;
      if (index % 2 === 0 && behave !== undefined) {
        targets.push(await stranger(behave));
        expected.push('failed');
      } else {
        const { port } = await serving(protocol, { certificate });
        targets.push({ protocol, implicit: false, address: { host: '127.0.0.1', port } });
        expected.push('sound');
      }
    }
    return { targets, expected };
  }

  it('ends in time, whatever they do', async () => {
    const root = await issue({ name: 'Root', authority: true });
    const { targets, expected } = await mixture(await issue({}, root));
    const begun = performance.now();
    const told: string[] = [];
    const results = await probeAll(targets, {
      ca: root.cert,
      servername: 'localhost',
      timeout: TIMEOUT,
      concurrency: CONCURRENCY,
      onResult: ({ target }) => told.push(target.url),
    });
    expect(results.map(({ verdict }) => verdict)).to.deep.equal(expected);
    expect(told.length).to.equal(TARGETS);
    expect(performance.now() - begun).to.be.below(60_000);
    for (const { verdict, duration, target } of results) {
      if (verdict === 'failed') expect(duration, target.url).to.be.below(2 * TIMEOUT);
    }
  }).timeout(90_000);

  if (LONG)
    it('so does the command, at bounded memory', async () => {
      const root = await issue({ name: 'Root', authority: true });
      const { targets, expected } = await mixture(await issue({}, root));
      const urls = targets.map(
        ({ protocol, address }) => `${protocol.name}://127.0.0.1:${portOf(address)}\n`,
      );
      const folder = await folderWith({ 'ca.pem': root.cert, targets: urls.join('') });
      const own = [
        '--ca',
        join(folder, 'ca.pem'),
        '--servername',
        'localhost',
        '--timeout',
        `${TIMEOUT / 1000}`,
      ];
      const all = ['--targets', join(folder, 'targets'), '--concurrency', `${CONCURRENCY}`, '--json'];
      const begun = performance.now();
      const command = new CommandProcess(['probe', ...own, ...all]);
      let peak = 0;
      const timer = setInterval(() => (peak = Math.max(peak, peakMemory(command.child.pid))), 100);
      const { status, stdout } = await command.exit();
      clearInterval(timer);
      const took = performance.now() - begun;
      const { results } = JSON.parse(stdout) as { results: { verdict: string }[] }; // the report's schema
      expect(results.map(({ verdict }) => verdict)).to.deep.equal(expected);
      expect(status).to.equal(2);
      expect(took).to.be.below(60_000);
      expect(peak).to.be.within(1, 300);
      console.log(`      ${TARGETS} targets in ${Math.round(took)} ms, ${peak} MiB at most`);
    }).timeout(90_000);

  it('probes targets at one address one after the other', async () => {
    const target = await stranger(socket => socket.resume());
    const results = await probeAll([target, target, target], { timeout: 50, concurrency: 3 });
    const begins = results.map(({ startedAt }) => Date.parse(startedAt));
    const ends = results.map(({ duration }, index) => (begins[index] ?? 0) + duration);
    // Clocks are read in whole milliseconds.
    for (const index of [1, 2]) expect(begins[index]).to.be.at.least((ends[index - 1] ?? 0) - 2);
  });
});

function portOf(address: ProbeTarget['address']): number {
  return 'port' in address ? address.port : 0;
}

/** The most that a process has held so far, in MiB; 0 where the system does not tell, or when it is gone. */
function peakMemory(pid: number | undefined): number {
  try {
    const [, kibibytes = '0'] = /^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) >> 10;
  } catch {
    return 0;
  }
}
