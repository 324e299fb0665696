import { once } from 'node:events';
import * as net from 'node:net';
import { expect } from 'chai';
import { protocols, smtp } from '../../protocol/index.ts';
import type { ProbeTarget } from '../../src/probe/probe-target.ts';
import { probeAll } from '../../src/probe.ts';
import { issue } from '../support/faulty/certificates.ts';
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

  it('ends in time, whatever they do', async () => {
    const root = await issue({ name: 'Root', authority: true });
    const certificate = await issue({}, root);
    const kinds = Object.entries(strangers);
    const targets: ProbeTarget[] = [];
    const expected: string[] = [];
    for (let index = 0; index < TARGETS; index++) {
      const [kind, behave] = kinds[index % kinds.length] ?? [];
      const protocol = protocols[index % protocols.length] ?? smtp;
      if (index % 2 === 0 && kind !== undefined && behave !== undefined) {
        targets.push(await stranger(behave));
        expected.push('failed');
      } else {
        const { port } = await serving(protocol, { certificate });
        targets.push({ protocol, implicit: false, address: { host: '127.0.0.1', port } });
        expected.push('sound');
      }
    }
    const begun = performance.now();
    const told: string[] = [];
    const results = await probeAll(targets, {
      ca: root.cert,
      servername: 'localhost',
      timeout: TIMEOUT,
      concurrency: CONCURRENCY,
      onResult: ({ target }) => told.push(target.url),
    });
    const took = performance.now() - begun;
    expect(results.map(({ verdict }) => verdict)).to.deep.equal(expected);
    expect(told.length).to.equal(TARGETS);
    expect(took).to.be.below(60_000);
    for (const { verdict, duration, target } of results) {
      if (verdict === 'failed') expect(duration, target.url).to.be.below(2 * TIMEOUT);
    }
    if (LONG)
      console.log(
        `      ${TARGETS} targets in ${Math.round(took)} ms, ${process.memoryUsage.rss() >> 20} MiB`,
      );
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
