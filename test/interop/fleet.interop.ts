import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { LINES, type Visit, visitFleet } from '../fleet/load.ts';
import { testCertificates } from '../support/certificates.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { freePorts } from './servers/daemon.ts';
import { HaProxy } from './servers/haproxy.ts';
import { describeClient } from './support/needed-client.ts';

const NODES = ['node1', 'node2', 'node3'] as const;
type NodeName = (typeof NODES)[number];

const CLIENTS = 8;

describeClient(
  'haproxy',
  function testFleet() {
    let fleet: Fleet;
    let haproxy: HaProxy;
    let ca: string;

    before('three nodes start', async function () {
      this.timeout(60_000);
      ca = (await testCertificates()).authority.cert;
      fleet = await Fleet.start();
      haproxy = await HaProxy.start(fleet.ports);
      for (const name of NODES) await haproxy.until(name, 'UP');
    });

    after(async () => {
      await haproxy?.stop();
      await fleet?.stop();
      await removeFolders();
    });

    it('resumes a session on every node', async () => {
      const first = await visitFleet(haproxy.port, ca);
      const others: Visit[] = [];
      for (let count = 0; count < 6; count += 1) {
        others.push(await visitFleet(haproxy.port, ca, first.ticket));
      }
      expect(others.map(({ failure }) => failure)).to.deep.equal(others.map(() => undefined));
      expect(new Set(others.map(({ node }) => node))).to.deep.equal(new Set(NODES));
      expect(others.every(({ resumed }) => resumed)).to.equal(true);
    });

    it('loses one node under load: no reply of the others is lost, and it is replaced', async function () {
      this.timeout(60_000);
      const visits = await underLoad(haproxy.port, ca, async enough => {
        await enough(60);
        await fleet.kill('node2');
        await haproxy.until('node2', 'DOWN');
        await enough(60);
        await fleet.launch('node2');
        await haproxy.until('node2', 'UP');
        await enough(60);
      });
      const broken = visits.filter(({ failure }) => failure !== undefined);
      // Who was cut off before its greeting does not know of which node.
      const others = broken.filter(({ node }) => node !== 'node2' && node !== '');
      expect(others).to.deep.equal([]);
      expect(broken.length).to.be.at.most(CLIENTS);
      console.log(`      ${visits.length} sessions, ${broken.length} of node2 broken off`);
      expect(visits.slice(-30).some(({ node }) => node === 'node2')).to.equal(true);
    });

    it('restarts node by node with no failed upgrade', async function () {
      this.timeout(120_000);
      const visits = await underLoad(haproxy.port, ca, async enough => {
        for (const name of NODES) {
          await enough(30);
          await haproxy.command(`set server nodes/${name} state drain`);
          await haproxy.unused(name);
          expect(await fleet.terminate(name)).to.equal(0);
          await fleet.launch(name);
          await haproxy.command(`set server nodes/${name} state ready`);
          await haproxy.until(name, 'UP');
        }
      });
      expect(visits.map(({ failure }) => failure).filter(failure => failure !== undefined)).to.deep.equal([]);
      expect(visits.every(({ answered }) => answered === LINES)).to.equal(true);
      console.log(`      ${visits.length} sessions`);
    });
  },
  ['haproxy', '-v'],
);

/** Clients come one after the other, some at a time, while `act` goes on; it can wait for so many more of them. */
async function underLoad(
  port: number,
  ca: string,
  act: (enough: (more: number) => Promise<void>) => Promise<void>,
): Promise<readonly Visit[]> {
  const visits: Visit[] = [];
  let over = false;
  const client = async () => {
    while (!over) visits.push(await visitFleet(port, ca));
  };
  const clients = Array.from({ length: CLIENTS }, client);
  try {
    await act(async more => {
      const wanted = visits.length + more;
      while (visits.length < wanted) await new Promise(resolve => setTimeout(resolve, 20));
    });
  } finally {
    over = true;
    await Promise.all(clients);
  }
  return visits;
}

class Fleet {
  readonly ports: readonly number[];
  readonly #folder: string;
  readonly #running = new Map<NodeName, ChildProcess>();

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder;
    this.ports = ports;
  }

  static async start(): Promise<Fleet> {
    const { server } = await testCertificates();
    const folder = await folderWith({
      'cert.pem': server.cert + server.key,
      secret: randomBytes(32).toString('hex'),
    });
    const fleet = new Fleet(folder, await freePorts(NODES.length));
    for (const name of NODES) await fleet.launch(name);
    return fleet;
  }

  async launch(name: NodeName): Promise<void> {
    const file = fileURLToPath(new URL('../fleet/node.ts', import.meta.url));
    const args = [
      name,
      `${this.ports[NODES.indexOf(name)]}`,
      join(this.#folder, 'cert.pem'),
      join(this.#folder, 'secret'),
    ];
    const child = spawn(process.execPath, [...process.execArgv, file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    this.#running.set(name, child);
  }

  async kill(name: NodeName): Promise<void> {
    await this.#end(name, 'SIGKILL');
  }

  /** Its exit status. */
  terminate(name: NodeName): Promise<number | null> {
    return this.#end(name, 'SIGTERM');
  }

  async stop(): Promise<void> {
    for (const name of NODES) await this.kill(name);
  }

  async #end(name: NodeName, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#running.get(name);
    if (child === undefined) return null;
    this.#running.delete(name);
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  }
}
