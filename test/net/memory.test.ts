import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { LONG } from '../support/scale.ts';
import { WireClient } from '../support/wire-client.ts';

const MiB = 2 ** 20;

/** Lines without end that memory is measured over. */
const LINES = 20;

/** At SIGUSR2 the server collects its garbage, and tells how many bytes it then holds. */
const COLLECT = `
  import v8 from 'node:v8'; import vm from 'node:vm';
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  process.on('SIGUSR2', async () => {
    // A buffer's memory is let go behind the collection that found it unused.
    for (let round = 0; round < 4; round++) { gc(); await new Promise(done => setTimeout(done, 50)); }
    const { heapUsed, external } = process.memoryUsage();
    process.stderr.write('held ' + (heapUsed + external) + ';');
  });`;

/** The memory of a server of its own, in its own process, as the kernel counts it: Linux only. */
describe('memory under floods', function () {
  this.timeout(LONG ? 300_000 : 60_000);
  let command: CommandProcess;
  let port: number;

  before(async function () {
    if (!existsSync('/proc/self/status')) return this.skip();
    const folder = await folderWith();
    const args = ['serve', 'smtp', '--port', '0', '--log-level', 'error', '--max-per-address', '0'];
    // V8's young generation would grow by 16 MiB of its own accord, and hide what the server holds.
    // Counting coverage takes memory too, and more with time.
    const options = `--max-semi-space-size=1 --import=data:text/javascript,${encodeURIComponent(COLLECT)}`;
    const env = { XDG_STATE_HOME: folder, NODE_OPTIONS: options, NODE_V8_COVERAGE: '' };
    command = new CommandProcess(args, env);
    port = Number((await command.until(/127\.0\.0\.1:(\d+)/))[1]);
  });

  after(async () => {
    command?.kill('SIGTERM');
    await command?.exit();
    await removeFolders();
  });

  /** Bytes that the server holds by its own count, and that the kernel counts for it (with what malloc keeps). */
  async function memory(): Promise<{ held: number; resident: number }> {
    command.stderr = '';
    command.kill('SIGUSR2');
    const held = Number((await command.until(/held (\d+);/, 'stderr'))[1]);
    const status = readFileSync(`/proc/${command.child.pid}/status`, 'latin1');
    return { held, resident: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024 };
  }

  /** The least of several looks: what a connection that is still on its way out holds is not held for ever. */
  async function settledMemory(): Promise<{ held: number; resident: number }> {
    let least = await memory();
    for (let look = 0; look < 4; look++) {
      const { held, resident } = await memory();
      least = { held: Math.min(least.held, held), resident: Math.min(least.resident, resident) };
    }
    return least;
  }

  /** Offers a line without end, until the server has had enough. */
  async function endlessLine(bytes: number): Promise<void> {
    const client = await WireClient.connect(port);
    const chunk = Buffer.alloc(65_536, 'A');
    for (let sent = 0; sent < bytes && !client.closed; sent += chunk.length) {
      if (!client.socket.write(chunk)) await moved(client);
    }
    await client.end();
    client.destroy();
  }

  /** Says so many NOOPs under TLS and reads none of the replies; resolves when no more can be sent. */
  async function deaf(count: number): Promise<WireClient> {
    const client = await WireClient.connect(port);
    await client.until(/^220 .*\r\n/);
    client.say('STARTTLS\r\n');
    await client.until(/^220 .*\r\n/);
    await client.startTls();
    client.socket.pause();
    const noops = 'NOOP\r\n'.repeat(1000);
    for (let said = 0; said < count; said += 1000) {
      if (!client.socket.write(noops) && !(await moved(client, 200))) break;
    }
    return client;
  }

  it('holds nothing of a line without end', async () => {
    const offered = LONG ? 1024 * MiB : 64 * MiB;
    // V8 compiles what has become hot, which is held too, but once and not for a line.
    for (let warm = 0; warm < 10; warm++) await endlessLine(offered);
    const before = await settledMemory();
    for (let count = 0; count < LINES; count++) await endlessLine(offered);
    const after = await settledMemory();
    expect((after.resident - before.resident) / LINES).to.be.lessThan(MiB);
    expect((after.held - before.held) / LINES).to.be.lessThan(MiB / 16);
  });

  it('holds a MiB at the most for a client that never reads', async () => {
    const clients: WireClient[] = [];
    const more = async (count: number) => {
      for (let index = 0; index < count; index++) clients.push(await deaf(1_000_000));
    };
    await more(8);
    const before = await memory();
    await more(16);
    const after = await memory();
    for (const client of clients) client.destroy();
    expect((after.held - before.held) / 16).to.be.lessThan(MiB);
    // What malloc keeps of what was freed is a matter of luck: a MiB more.
    expect((after.resident - before.resident) / 16).to.be.lessThan(2 * MiB);
  });
});

/** Whether the socket took more within the time; a socket that is gone moves no more. */
function moved({ socket }: WireClient, patience = 5000): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), patience);
    socket.once('close', () => resolve(false));
    socket.once('drain', () => {
      clearTimeout(timer);
      // biome-ignore lint/nursery/noFloatingPromises: a false alarm, resolve gives nothing back
      resolve(true);
    });
  });
}
