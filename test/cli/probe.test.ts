import { readdir, readFile, rm } from 'node:fs/promises';
import * as net from 'node:net';
import { join } from 'node:path';
import type { WriteStream } from 'node:tty';
import { expect } from 'chai';
import { CommanderError } from 'commander';
import { imap, smtp } from '../../protocol/index.ts';
import { exitStatus } from '../../src/cli/exit-status.ts';
import { ProbeProgress } from '../../src/cli/probe-progress.ts';
import { program } from '../../src/cli/program.ts';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { sound } from '../support/probe-results.ts';
import { serving, stopServing } from '../support/serving.ts';

/** The test's certificate is valid for two days, which is a warning; by this it is none. */
const CALM = ['--expiry-days', '1'];

/** Few checks, so that a probe takes no time. */
const QUICK = ['--only', 'certificate-expires-soon,certificate-untrusted', '--timeout', '5'];

describe('src/cli/probe', function () {
  this.timeout(30_000);
  let folder: string;
  let url: string;
  let imapUrl: string;
  const silent = net.createServer(socket => sockets.add(socket.on('error', () => {})));
  const sockets = new Set<net.Socket>();

  before(async () => {
    const { authority, client } = await testCertificates();
    url = `smtp://localhost:${(await serving(smtp)).port}`;
    const demanding = { clientCertificate: 'require', ca: authority.cert, tls: 'implicit' } as const;
    imapUrl = `imaps://localhost:${(await serving(imap, demanding)).port}`;
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    folder = await folderWith({
      'ca.pem': authority.cert,
      'client.pem': client.cert + client.key,
      'targets.txt': `# ours\n${url}\n\n  ${imapUrl} # the other\n${url}\n`,
      'wrong.txt': `${url}\nsmpt://localhost\n`,
      'empty.txt': '# nobody\n',
    });
  });

  after(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    await stopServing();
    await removeFolders();
  });

  function start(...args: readonly string[]): CommandProcess {
    return new CommandProcess(['probe', '--ca', join(folder, 'ca.pem'), ...QUICK, ...args]);
  }

  /** Runs the command here, with its report in a file: a process of its own takes longer than the probe. */
  async function run(...args: readonly string[]): Promise<{ status: unknown; report: string }> {
    const output = join(folder, 'report');
    const own = ['--ca', join(folder, 'ca.pem'), '--output', output, ...QUICK, ...args];
    const { exitCode } = process;
    try {
      await program().parseAsync(['node', 'sallyport', 'probe', ...own]);
      return { status: process.exitCode, report: await readFile(output, 'utf8') };
    } finally {
      process.exitCode = exitCode;
      await rm(output, { force: true });
    }
  }

  it('prints its report, without colours where there is no terminal, and nothing else', async () => {
    const { status, stdout, stderr } = await start(url, '--fail-on', 'error').exit();
    expect([status, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^FOUND {2}smtp:\/\/localhost:\d+ {2}1 warning\n/);
    expect(stdout).to.contain('\nWARNING  certificate-expires-soon\n').and.not.contain('\x1b');
  });

  it('ends with 0, 1 or 2: nothing found, something found, not probed', async () => {
    const closed = await closedPort();
    const [calm, found, failed] = [await run(url, ...CALM), await run(url), await run(url, closed)];
    expect([calm, found, failed].map(({ status }) => status)).to.deep.equal([0, 1, 2]);
    expect((await run(url, '--fail-on', 'error')).status).to.equal(0);
    expect(calm.report).to.match(/^SOUND {2}smtp:\/\/localhost:\d+ {2}nothing found\n/);
    expect(failed.report)
      .to.match(/\nFAILED .*Cannot/)
      .and.match(/\n2 servers: 1 with findings, 1 could/);
  });

  it('probes what a file has, each once and in its order, with a certificate of its own', async () => {
    const own = ['--client-cert', join(folder, 'client.pem'), '--json', '--concurrency', '2', ...CALM];
    const { status, report } = await run('--targets', join(folder, 'targets.txt'), ...own);
    expect(status).to.equal(0);
    const { results } = JSON.parse(report);
    expect(results.map(({ target }: typeof sound) => target.url)).to.deep.equal([url, imapUrl]);
  });

  it('writes a report to a file, whole, and nothing beside it', async () => {
    const { report } = await run(url, '--format', 'html');
    expect(report).to.match(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect((await readdir(folder)).filter(name => name.includes('.tmp'))).to.deep.equal([]);
  });

  it('at SIGINT reports what is done, and ends', async () => {
    const { port } = silent.address() as net.AddressInfo; // of a listening server
    const output = join(folder, 'partial.json');
    const waiting = `smtp://127.0.0.1:${port}`;
    const command = start(
      url,
      waiting,
      '--timeout',
      '60',
      '--json',
      '--output',
      output,
      '--concurrency',
      '1',
    );
    while (sockets.size === 0) await new Promise(resolve => silent.once('connection', resolve));
    command.kill('SIGINT');
    const { status, stderr } = await command.exit();
    expect([status, stderr]).to.deep.equal([130, 'sallyport: broken off; 1 of 2 servers probed\n']);
    const { results } = JSON.parse(await readFile(output, 'utf8'));
    expect(results.map(({ target }: typeof sound) => target.url)).to.deep.equal([url]);
  });

  describe('refuses', () => {
    const cases: Readonly<
      Record<string, readonly [args: readonly string[], reason: RegExp, status?: number]>
    > = {
      'to probe nobody': [[], /no target: name one/],
      'a file without targets': [['--targets', 'empty.txt'], /empty\.txt has none/],
      'a file that is not there': [['--targets', 'none.txt'], /none\.txt: cannot be read \(ENOENT\)/],
      'a target that is none, and says where it stands': [
        ['--targets', 'wrong.txt'],
        /wrong\.txt, line 2: target "smpt:/,
      ],
      'a check that there is not': [['--only', 'nonsense'], /There is no check "nonsense"/],
      'two formats': [['--json', '--format', 'text'], /cannot be used with/],
      'a key without its certificate': [
        ['smtp://a', '--client-key', 'client.pem'],
        /--client-key needs --client-cert/,
      ],
      'a place where no file can be': [
        ['smtp://a', '--output', 'no/such'],
        /no\/such: cannot be written \(ENOENT\)/,
      ],
      'authorities that cannot be read': [['smtp://a', '--ca', 'none.pem'], /none\.pem: cannot be read/, 78],
    };
    for (const [title, [args, reason, status = 64]] of Object.entries(cases)) {
      it(title, async () => {
        const placed = args.map(arg => (/^(\w+\.(txt|pem)|no\/such)$/.test(arg) ? join(folder, arg) : arg));
        const fault = await faultOf(placed);
        expect(fault.text).to.match(reason);
        expect(fault.status).to.equal(status);
      });
    }
  });

  /** Runs the command here, as it ends before it does anything. */
  async function faultOf(args: readonly string[]): Promise<{ text: string; status: number }> {
    let said = '';
    const command = program();
    for (const each of [command, ...command.commands]) {
      each.configureOutput({ writeErr: text => (said += text) });
    }
    try {
      await command.parseAsync(['node', 'sallyport', 'probe', ...args]);
    } catch (error) {
      if (error instanceof CommanderError) return { text: said, status: 64 };
      return { text: String(error), status: exitStatus(error) };
    }
    throw new Error('taken');
  }

  describe('has a line on a terminal', () => {
    it('that says how far it is and goes away, and none elsewhere', () => {
      let shown = '';
      const terminal = { isTTY: true, columns: 50, write: (text: string) => (shown += text) };
      const progress = new ProbeProgress(2, terminal as unknown as WriteStream); // all that is used of one
      progress.check('injection-line');
      progress.result({ ...sound, target: { ...sound.target, url: `smtp://\x1b[2J${'a'.repeat(80)}` } });
      progress.clear();
      expect(shown).to.contain('probing: 0 of 2 done  injection-line').and.contain('probing: 1 of 2 done');
      expect(shown).to.not.contain('\x1b[2J');
      for (const line of shown.split('\r')) expect(line.replace('\x1b[K', '').length).to.be.below(50);
      expect(shown).to.match(/\r\P{L}*K$/u);
      shown = '';
      const quiet = new ProbeProgress(2, { ...terminal, isTTY: false } as unknown as WriteStream); // the same
      quiet.check('injection-line');
      quiet.clear();
      expect(shown).to.equal('');
    });
  });
});

/** A port on which nobody listens. */
async function closedPort(): Promise<string> {
  const server = net.createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo; // of a listening server
  await new Promise(resolve => server.close(resolve));
  return `smtp://127.0.0.1:${port}`;
}
