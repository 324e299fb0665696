import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { LINES, type Visit, visitFleet } from '../fleet/load.ts';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { freePorts } from './servers/daemon.ts';
import { HaProxy } from './servers/haproxy.ts';
import { RedisServer } from './servers/redis.ts';
import { describeClient } from './support/needed-client.ts';

const NODES = ['node1', 'node2', 'node3'] as const;
type NodeName = (typeof NODES)[number];

const CLIENTS = 8;

/** For one address in a minute, at all nodes together: two at each. */
const HANDSHAKES = 6;
/** The clients of all other tests. */
const TRUSTED = '127.0.0.1';
const COUNTED = '127.0.0.9';
const REFUSAL = 'Error: STARTTLS: 454 4.7.0 TLS not available for now';

describeClient(
  'haproxy',
  function testFleet() {
    let redis: RedisServer;
    let fleet: Fleet;
    let haproxy: HaProxy;
    let ca: string;

    before('three nodes start', async function () {
      this.timeout(60_000);
      ca = (await testCertificates()).authority.cert;
      const [port = 0] = await freePorts(1);
      redis = await RedisServer.start(port);
      fleet = await Fleet.start(redis.port);
      haproxy = await HaProxy.start(fleet.ports);
      for (const name of NODES) await haproxy.until(name, 'UP');
    });

    after(async () => {
      await haproxy?.stop();
      await fleet?.stop();
      redis?.kill('SIGKILL');
      await removeFolders();
    });

    it('resumes a session on every node', async () => {
      const first = await visitFleet(haproxy.port, ca);
      const others: Visit[] = [];
      for (let count = 0; count < 6; count += 1) {
        others.push(await visitFleet(haproxy.port, ca, { ticket: first.ticket }));
      }
      expect(others.map(({ failure }) => failure)).to.deep.equal(others.map(() => undefined));
      expect(new Set(others.map(({ node }) => node))).to.deep.equal(new Set(NODES));
      expect(others.every(({ resumed }) => resumed)).to.equal(true);
    });

    it('limits the handshakes of one address at all nodes together', async () => {
      const visits: Visit[] = [];
      for (let count = 0; count < 2 * HANDSHAKES; count += 1) {
        visits.push(await visitFleet(haproxy.port, ca, { from: COUNTED }));
      }
      const passed = visits.slice(0, HANDSHAKES);
      const refused = visits.slice(HANDSHAKES);
      expect(passed.map(({ failure }) => failure)).to.deep.equal(passed.map(() => undefined));
      expect(refused.map(({ failure }) => failure)).to.deep.equal(refused.map(() => REFUSAL));
      for (const some of [passed, refused]) {
        expect(new Set(some.map(({ node }) => node))).to.deep.equal(new Set(NODES));
      }
      expect((await visitFleet(haproxy.port, ca)).failure).to.equal(undefined);
      console.log(`      ${passed.length} upgrades at ${NODES.length} nodes, then ${refused.length} refused`);
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

/** Nodes that have a secret for tickets and a Redis in common, each a `sallyport run`. */
class Fleet {
  readonly ports: readonly number[];
  readonly #folder: string;
  readonly #running = new Map<NodeName, CommandProcess>();

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder;
    this.ports = ports;
  }

  static async start(redisPort: number): Promise<Fleet> {
    const { server } = await testCertificates();
    const ports = await freePorts(NODES.length);
    const files = NODES.map((name, index) => [
      `${name}.yaml`,
      configurationOf(name, ports[index] ?? 0, redisPort),
    ]);
    const folder = await folderWith({
      'cert.pem': server.cert + server.key,
      'ticket-secret': randomBytes(32).toString('hex'),
      ...Object.fromEntries(files),
    });
    const fleet = new Fleet(folder, ports);
    await Promise.all(NODES.map(name => fleet.launch(name)));
    return fleet;
  }

  async launch(name: NodeName): Promise<void> {
    const node = new CommandProcess(['run', '--config', join(this.#folder, `${name}.yaml`)]);
    this.#running.set(name, node);
    await node.until(/"msg":"ready"/, 'stderr');
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
    const node = this.#running.get(name);
    if (node === undefined) return null;
    this.#running.delete(name);
    node.kill(signal);
    return (await node.exit()).status;
  }
}

function configurationOf(name: NodeName, port: number, redisPort: number): string {
  return `certificates: [{ cert: cert.pem }]
ticket-secret: { file: ticket-secret }
hostname: ${name}
listeners:
  - { protocol: smtp, address: '127.0.0.1:${port}', proxy-from: ['127.0.0.1'] }
limits:
  per-address: 0
  handshakes-per-minute: ${HANDSHAKES}
  trusted: ['${TRUSTED}']
  redis: redis://127.0.0.1:${redisPort}
log: { format: json }
drain: 10s
`;
}
