import { expect } from 'chai';
import { CommandProcess } from '../support/command.ts';
import { WireClient } from '../support/wire-client.ts';
import { freePorts } from './servers/daemon.ts';
import { RedisServer } from './servers/redis.ts';
import { describeClient } from './support/needed-client.ts';

const LOST = /shared limits cannot be reached/g;
const FOUND = /shared limits can be reached again/g;

describeClient('redis-server', () => {
  let redis: RedisServer;
  let machines: readonly Machine[] = [];

  beforeEach(async () => {
    redis = await RedisServer.start(await freePort());
    machines = await Promise.all([Machine.start(redis.port), Machine.start(redis.port)]);
  });

  afterEach(() => {
    for (const machine of machines) machine.stop();
    redis.kill('SIGKILL');
  });

  it('counts the handshakes of one address at two machines together', async () => {
    const [one, other] = machines as [Machine, Machine];
    await one.upgrade('192.0.2.1');
    await other.upgrade('192.0.2.1');
    await one.isRefused('192.0.2.1');
    await other.isRefused('192.0.2.1');
    await other.upgrade('192.0.2.2');
    // One /64.
    await one.upgrade('2001:db8::1');
    await other.upgrade('2001:db8::2');
    await one.isRefused('2001:db8::3');
  });

  it('is killed, and both go on, each by its own count; started anew, it is shared again', async () => {
    const [one, other] = machines as [Machine, Machine];
    await one.upgrade('192.0.2.1');
    redis.kill('SIGKILL');
    for (const machine of machines) {
      await machine.upgrade('192.0.2.2');
      await machine.upgrade('192.0.2.2');
      await machine.isRefused('192.0.2.2');
      expect(machine.log(LOST), machine.command.stderr).to.equal(1);
    }
    redis = await RedisServer.start(redis.port);
    await Promise.all(machines.map(({ command }) => command.until(FOUND, 'stderr')));
    await one.upgrade('192.0.2.3');
    await other.upgrade('192.0.2.3');
    await other.isRefused('192.0.2.3');
    for (const machine of machines) {
      expect([machine.log(LOST), machine.log(FOUND)], machine.command.stderr).to.deep.equal([1, 1]);
    }
  });

  it('stops to answer, and nobody waits for it', async () => {
    const [one] = machines as [Machine, Machine];
    redis.kill('SIGSTOP');
    await one.upgrade('192.0.2.1');
    await one.upgrade('192.0.2.1');
    await one.isRefused('192.0.2.1');
    expect(one.log(LOST), one.command.stderr).to.equal(1);
    redis.kill('SIGCONT');
    await one.command.until(FOUND, 'stderr');
  });

  it('is not there when a machine starts: it serves, and says so once', async () => {
    const alone = await Machine.start(await freePort());
    try {
      await alone.upgrade('192.0.2.1');
      await alone.upgrade('192.0.2.1');
      await alone.isRefused('192.0.2.1');
      expect(alone.log(LOST), alone.command.stderr).to.equal(1);
    } finally {
      alone.stop();
    }
  });
});

/** A server that shares its limits: two handshakes a minute for one address. */
class Machine {
  readonly command: CommandProcess;
  #port = 0;

  private constructor(redisPort: number) {
    const limits = ['--handshakes-per-minute', '2', '--proxy-from', '127.0.0.1'];
    const shared = { SALLYPORT_REDIS: `redis://127.0.0.1:${redisPort}` };
    this.command = new CommandProcess(
      ['serve', 'smtp', '--port', '0', '--log-format', 'json', ...limits],
      shared,
    );
  }

  static async start(redisPort: number): Promise<Machine> {
    const machine = new Machine(redisPort);
    machine.#port = Number((await machine.command.until(/127\.0\.0\.1:(\d+)/))[1]);
    return machine;
  }

  async upgrade(address: string): Promise<void> {
    const client = await this.#asking(address);
    await client.until('220 2.0.0 Ready to start TLS\r\n');
    await client.startTls();
    client.destroy();
  }

  async isRefused(address: string): Promise<void> {
    const client = await this.#asking(address);
    await client.until('454 4.7.0 TLS not available for now\r\n');
    client.destroy();
  }

  /** How often the log says so. */
  log(words: RegExp): number {
    return this.command.stderr.match(words)?.length ?? 0;
  }

  stop(): void {
    this.command.kill('SIGKILL');
  }

  async #asking(address: string): Promise<WireClient> {
    const client = await WireClient.connect(this.#port);
    const family = address.includes(':') ? 'TCP6' : 'TCP4';
    client.say(`PROXY ${family} ${address} ${address} 1 25\r\n`);
    await client.until('ready\r\n');
    return client.say('STARTTLS\r\n');
  }
}

async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}
