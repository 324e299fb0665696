import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommanderError } from 'commander';
import { exitStatus, exitStatuses } from '../../src/cli/exit-status.ts';
import { program } from '../../src/cli/program.ts';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { document } from '../support/document.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { plainMail, plainUpstream, stopUpstreams } from '../support/proxying.ts';
import { WireClient } from '../support/wire-client.ts';

const guide = document('docs/guide/proxy.md');
const shown = guide.blocks.filter(({ language }) => language === 'sh').map(({ text }) => text.trim());

describe('sallyport proxy', function () {
  this.timeout(30_000);
  const running: CommandProcess[] = [];
  let folder: string;

  before(async () => {
    const { server } = await testCertificates();
    folder = await folderWith({ 'chain.pem': server.cert, 'key.pem': server.key });
  });
  afterEach(() => {
    for (const command of running.splice(0)) command.kill('SIGKILL');
    stopUpstreams();
  });
  after(removeFolders);

  function sallyport(args: readonly string[]): CommandProcess {
    const command = new CommandProcess(args, { XDG_STATE_HOME: folder });
    running.push(command);
    return command;
  }

  /** A command as the guide shows it, on free ports and with files that are there. */
  function asShown(text: string, upstream = 25): readonly string[] {
    const args = text.split(' ').slice(1);
    const own = args.map(arg =>
      arg.replace(/:2525$/, `:${upstream}`).replace(/^(chain|key)\.pem$/, join(folder, '$&')),
    );
    const at = own.indexOf('--listen');
    if (at < 0) return [...own, '--listen', '127.0.0.1:0'];
    return own.map((arg, index) => (index === at + 1 ? arg.replace(/\d+$/, '0') : arg));
  }

  it('takes a stranger to a verified client, as the guide has it', async () => {
    const upstream = await plainUpstream(plainMail);
    const [start = '', attempt = ''] = shown;
    const command = sallyport(asShown(start, upstream.port));
    const [printed = ''] = await command.until(/openssl s_client.*/);
    const pattern = attempt.replace(/:2587 .*/, '').replaceAll(' ', '\\s');
    expect(printed).to.match(new RegExp(`^${pattern}:\\d+ -CAfile .*ca\\.pem$`));
    const [program = '', ...args] = printed.trim().split(' ');
    const client = spawn(program, [...args, '-verify_return_error', '-crlf', '-ign_eof'], { stdio: 'pipe' });
    let heard = '';
    client.stdout.on('data', data => {
      heard += data;
    });
    client.stdin.write('EHLO me\n');
    while (!heard.includes('SIZE 1000')) await once(client.stdout, 'data');
    client.stdin.write('QUIT\n');
    await once(client, 'close');
    expect(heard).to.contain('Verify return code: 0 (ok)');
    expect(heard).to.contain('250-upstream.example.org').and.match(/^221 /m);
    expect(heard.slice(heard.indexOf('250-upstream'))).to.not.contain('STARTTLS');
    const [line = ''] = await command.until(/.*session ended.*/, 'stderr');
    const fields = JSON.parse(line);
    expect(fields).to.include({ role: 'proxy', upstream: `127.0.0.1:${upstream.port}`, tls: 'TLSv1.3' });
    expect(fields.upstreamIn).to.be.greaterThan(50);
    expect(fields.upstreamOut).to.equal('EHLO me\r\n'.length);
  });

  it('runs every other command that the guide shows', async () => {
    const others = shown.slice(2).filter(text => text.startsWith('sallyport '));
    expect(others.length).to.be.greaterThan(2);
    await Promise.all(
      others.map(async text => {
        const command = sallyport(asShown(text));
        await command.until(/PROTOCOL +ADDRESS +TRY\n.*s_client/);
        command.kill('SIGTERM');
        expect((await command.exit()).status, text).to.equal(0);
      }),
    );
  });

  it('insists on TLS, but not on a public port, and listens on a Unix socket', async () => {
    const path = join(folder, 'proxy');
    const [unix, explicit] = [
      sallyport(['proxy', 'smtp', '--listen', `unix:${path}`, '--to', '127.0.0.1:25']),
      sallyport(['proxy', 'smtp', '--listen', '127.0.0.1:0', '--to', '/nowhere', '--tls', 'auto']),
    ];
    const [printed] = await unix.until(/openssl s_client.*/);
    expect(printed).to.contain(`-starttls smtp -unix ${path} -CAfile`);
    const [listening = ''] = await unix.until(/.*"listening".*/, 'stderr');
    expect(JSON.parse(listening)).to.include({ role: 'proxy', tls: 'required', address: path });
    await explicit.until(/s_client -starttls[^\n]*\n.*s_client -connect/);
  });

  it('says the farewell at SIGTERM, and ends with 0', async () => {
    const command = sallyport(['proxy', 'smtp', '--listen', '127.0.0.1:0', '--to', '127.0.0.1:25']);
    const [, port] = await command.until(/localhost:(\d+)/);
    const client = await WireClient.connect(Number(port));
    await client.until(/^220 .*\r\n/);
    command.kill('SIGTERM');
    await client.until(/^421 4\.3\.2 .*\r\n/);
    client.destroy();
    expect((await command.exit()).status).to.equal(0);
  });

  describe('refuses', () => {
    const TO = ['--to', '127.0.0.1:25'];
    const cases: [string, string[], number, RegExp][] = [
      ['an unknown protocol', ['gopher', ...TO], 64, /no protocol "gopher"/],
      ['no upstream', ['smtp'], 64, /required option '--to/],
      ['an address without a port', ['smtp', '--to', 'localhost'], 64, /It must be host:port/],
      ['an upstream on port 0', ['smtp', '--to', 'localhost:0'], 64, /Its port must not be 0/],
      [
        'TLS options for an upstream without TLS',
        ['smtp', ...TO, '--to-ca', 'a'],
        64,
        /--to-ca needs --to-tls/,
      ],
      [
        'a key without a certificate',
        ['smtp', ...TO, '--to-tls', 'implicit', '--to-key', 'a'],
        64,
        /--to-key needs/,
      ],
      ['half a range', ['ftp', ...TO, '--data-ports', '40000'], 64, /It must be two ports/],
      ['data ports of services', ['ftp', ...TO, '--data-ports', '80-90'], 64, /dataPorts must be a range/],
      ['data ports without data', ['smtp', ...TO, '--data-ports', '40000-40100'], 64, /smtp has no data/],
      ['a network that is none', ['smtp', ...TO, '--proxy-from', 'here'], 64, /"here" is neither/],
      ['a missing authority', ['smtp', ...TO, '--to-tls', 'upgrade', '--to-ca', 'none.pem'], 78, /none\.pem/],
    ];
    for (const [what, args, status, message] of cases) {
      it(`${what}, with status ${status}`, async () => {
        const error = await statusOf(['proxy', ...args]);
        expect(error)
          .to.match(message)
          .and.to.match(new RegExp(`^${status} `));
      });
    }

    it('an address in use, with status 69', async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as { port: number }; // of a TCP server
      const run = await sallyport(['proxy', 'smtp', '--listen', `127.0.0.1:${port}`, ...TO]).exit();
      taken.close();
      expect(run.status).to.equal(69);
    });
  });
});

/** The exit status of a command line that starts nothing, and what is said of it: as `main` has it, without a process. */
async function statusOf(args: readonly string[]): Promise<string> {
  const command = program().configureOutput({ writeErr: () => undefined });
  for (const each of command.commands) each.configureOutput({ writeErr: () => undefined });
  try {
    await command.parseAsync(args, { from: 'user' });
    return 'taken';
  } catch (error) {
    const status = error instanceof CommanderError ? exitStatuses.usage : exitStatus(error);
    return `${status} ${error instanceof Error ? error.message : String(error)}`;
  }
}
