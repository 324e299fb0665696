import { once } from 'node:events';
import * as net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { WireClient } from '../support/wire-client.ts';

describe('src/cli/serve', function () {
  this.timeout(30_000);
  let folder: string;
  const started: CommandProcess[] = [];

  before(async () => {
    const { server, authority, client, expiredServer } = await testCertificates();
    const b = await issueCertificate({ commonName: 'b.example.org', days: 2, names: ['b.example.org'] });
    folder = await folderWith({
      'b.pem': b.cert,
      'b.key': b.key,
      'cert.pem': server.cert,
      'key.pem': server.key,
      'ca.pem': authority.cert,
      'other.key': client.key,
      'expired.pem': expiredServer.cert + expiredServer.key,
      'echo.mjs':
        'export default async s => { for await (const l of s.lines()) await s.writeLine("echo " + l); };',
      'nothing.mjs': 'export default 1;',
      'broken.mjs': 'throw new Error("no good");',
    });
  });

  afterEach(async () => {
    for (const command of started.splice(0)) {
      command.kill('SIGKILL');
      await command.exit();
    }
  });

  after(removeFolders);

  function sallyport(...args: readonly string[]): CommandProcess {
    const command = new CommandProcess(args, { XDG_STATE_HOME: folder });
    started.push(command);
    return command;
  }

  /** Serves smtp on a free port, with the test's certificate. */
  async function serve(...args: readonly string[]): Promise<{ command: CommandProcess; client: WireClient }> {
    const pair = ['--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')];
    const command = sallyport('serve', 'smtp', '--port', '0', ...pair, ...args);
    const port = Number((await command.until(/127\.0\.0\.1:(\d+)/))[1]);
    return { command, client: await WireClient.connect(port) };
  }

  describe('listens', () => {
    it('with every protocol, and prints the way to try each', async () => {
      const command = sallyport('serve', '--port-offset', String(await freeOffset()));
      await command.until(/^(.*\n){2}/);
      const lines = command.stdout.trimEnd().split('\n');
      const caFile = join(folder, 'sallyport', 'ca.pem');
      const expected = protocols.flatMap(({ name, sClientName = name, tryInBand }) =>
        tryInBand === undefined
          ? [`${name} openssl s_client -starttls ${sClientName} -connect localhost:PORT -CAfile ${caFile}`]
          : [`${name} ${tryInBand}`, `${name} openssl s_client -connect localhost:PORT -CAfile ${caFile}`],
      );
      const rows = lines.slice(1).map(line => {
        const [protocol, address = '', ...words] = line.split(/\s+/);
        return `${protocol} ${words.join(' ').replace(address.replace('127.0.0.1', 'localhost'), 'localhost:PORT')}`;
      });
      expect(rows).to.deep.equal(expected.map(row => row.replace('{address}', 'localhost:PORT')));
      const logged = command.stderr
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
      expect(logged.filter(({ msg }) => msg === 'listening').map(({ protocol }) => protocol)).to.deep.equal(
        protocols.map(({ name }) => name),
      );
    });

    it('with TLS from the first byte, each protocol on its port for that', async () => {
      const offset = await freeOffset();
      const command = sallyport('serve', '--tls', 'implicit', '--port-offset', String(offset));
      await command.until(/^(.*\n){2}/);
      const rows = command.stdout.trimEnd().split('\n').slice(1);
      expect(rows.map(row => row.split(/\s+/, 2).join(' '))).to.deep.equal(
        protocols.map(({ name, port, implicitPort = port }) => `${name} 127.0.0.1:${offset + implicitPort}`),
      );
      expect(command.stdout).to.not.contain('-starttls');
    });

    it('with both ways on one port, and waits as long as it is told for TLS', async () => {
      const { client, command } = await serve('--tls', 'auto', '--detect-timeout', '0.7');
      const begun = performance.now();
      await client.until(/^220 .*\r\n/);
      expect(performance.now() - begun).to.be.greaterThan(500);
      client.destroy();
      const [, first, second, ...more] = command.stdout.trimEnd().split('\n');
      expect(first).to.match(/^smtp .* s_client -starttls smtp -connect localhost:(\d+)$/);
      expect(second).to.equal(first?.replace('-starttls smtp ', ''));
      expect(more).to.deep.equal([]);
    });

    it('by the policy that is usual for the protocol, unless another is given', async () => {
      for (const [args, policy, ways] of [
        [[], 'auto', 2],
        [['--tls', 'required'], 'required', 1],
      ] as const) {
        const command = sallyport('serve', 'http', '--port', '0', ...args);
        await command.until(/^(.*\n){2}/);
        expect(JSON.parse(command.stderr).tls).to.equal(policy);
        expect(command.stdout.trimEnd().split('\n').length).to.equal(1 + ways);
      }
    });

    it('with TLS from the first byte', async () => {
      const { client, command } = await serve('--tls', 'implicit');
      const { authority } = await testCertificates();
      await client.startTls({ ca: authority.cert });
      await client.until(/^220 .*\r\n/);
      client.destroy();
      expect(command.stdout).to.contain('openssl s_client -connect').and.not.contain('-CAfile');
    });

    it('with several certificates', async () => {
      const more = ['--cert', join(folder, 'b.pem'), '--key', join(folder, 'b.key'), '--tls', 'implicit'];
      const { client } = await serve(...more);
      const secure = await client.startTls({ servername: 'b.example.org' });
      expect(secure.getPeerCertificate().subject.CN).to.equal('b.example.org');
      client.destroy();
    });

    it('for client certificates', async () => {
      const { client } = await serve(
        '--client-cert',
        'require',
        '--ca',
        join(folder, 'ca.pem'),
        '--tls',
        'implicit',
      );
      const { client: alice } = await testCertificates();
      await client.startTls(alice);
      await client.until(/^220 .*\r\n/);
      client.destroy();
    });
  });

  describe('gives each session', () => {
    it('to a module', async () => {
      const { client } = await serve('--app', join(folder, 'echo.mjs'));
      await client.until(/^220 .*\r\n/);
      client.say('STARTTLS\r\n');
      await client.until(/^220 .*\r\n/);
      await client.startTls();
      client.say('hello\r\n');
      await client.until('echo hello\r\n');
      client.destroy();
    });

    it('to a command, with the stream on its input and output and the facts in its environment', async () => {
      const { client } = await serve(
        '--exec',
        'echo "$SALLYPORT_PROTOCOL $SALLYPORT_TLS_VERSION $TCPREMOTEIP"; wc -l',
      );
      await client.until(/^220 .*\r\n/);
      client.say('STARTTLS\r\n');
      await client.until(/^220 .*\r\n/);
      await client.startTls();
      await client.until('smtp TLSv1.3 127.0.0.1\n');
      client.say('one\ntwo\n');
      client.socket.end();
      await client.until(/2\n/);
      await client.end();
      client.destroy();
    });
  });

  describe('ends', () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      it(`at ${signal} with the farewell, and status 0`, async () => {
        const { client, command } = await serve();
        await client.until(/^220 .*\r\n/);
        command.kill(signal);
        await client.until(/^421 4\.3\.2 .*\r\n/);
        client.destroy();
        expect((await command.exit()).status).to.equal(0);
      });
    }

    it('at once at a second signal', async () => {
      const { client, command } = await serve('--exec', 'sleep 20');
      await client.until(/^220 .*\r\n/);
      client.say('STARTTLS\r\n');
      await client.until(/^220 .*\r\n/);
      await client.startTls();
      command.kill('SIGTERM');
      await command.until(/draining/, 'stderr');
      const begun = performance.now();
      command.kill('SIGTERM');
      expect((await command.exit()).status).to.equal(143);
      expect(performance.now() - begun).to.be.lessThan(2000);
      client.destroy();
    });
  });

  describe('refuses', () => {
    const cases: [string, string[], number, RegExp][] = [
      ['an unknown protocol', ['gopher'], 64, /no protocol "gopher"; there is smtp /],
      ['an unknown option', ['--nonsense'], 64, /unknown option '--nonsense'/],
      ['a policy that is none', ['--tls', 'maybe'], 64, /'--tls <policy>' argument 'maybe' is invalid/],
      ['a port that is none', ['smtp', '--port', '70000'], 64, /It must be 0 to 65535/],
      ['a count that is none', ['--max-connections', 'many'], 64, /It must be a whole number/],
      ['a time that is none', ['--idle-timeout', 'soon'], 64, /It must be a number of seconds/],
      ['one port for several', ['--port', '2525'], 64, /--port is for one protocol/],
      ['a wait of no time', ['--detect-timeout', '0'], 64, /It must be more than 0/],
      ['a module and a command', ['--app', 'a', '--exec', 'b'], 64, /cannot be used with/],
      [
        'client certificates without --ca',
        ['--client-cert', 'require'],
        64,
        /--client-cert require needs --ca/,
      ],
      [
        'a key for one of two certificates',
        ['--cert', 'a.pem', '--key', 'a.key', '--cert', 'b.pem'],
        64,
        /--key is for each of them or for none/,
      ],
      ['--key without --cert', ['--key', 'key.pem'], 64, /--key needs --cert/],
      [
        'a handshake without time',
        ['smtp', '--port', '0', '--handshake-timeout', '0'],
        64,
        /It must be more than 0/,
      ],
      ['a missing certificate', ['--cert', 'none.pem'], 78, /none\.pem: cannot be read \(ENOENT\)/],
      [
        'a module that is none',
        ['--app', 'FOLDER/nothing.mjs'],
        78,
        /nothing\.mjs: the default export is not a function/,
      ],
      ['a module that fails', ['--app', 'FOLDER/broken.mjs'], 78, /broken\.mjs: no good/],
      ['an expired certificate', ['--cert', 'FOLDER/expired.pem'], 78, /expired\.pem: expired on/],
      [
        'a wrong pair',
        ['--cert', 'FOLDER/cert.pem', '--key', 'FOLDER/other.key'],
        78,
        /other\.key: not the key of/,
      ],
    ];
    for (const [what, args, status, message] of cases) {
      it(`${what}, with status ${status}, and starts nothing`, async () => {
        const run = await sallyport('serve', ...args.map(arg => arg.replace('FOLDER', folder))).exit();
        expect(run.stderr).to.match(message);
        expect(run.status).to.equal(status);
        expect(run.stdout).to.equal('');
      });
    }

    it('an address in use, with status 69, and keeps none of the others', async () => {
      const offset = await freeOffset();
      const taken = net.createServer();
      await once(taken.listen(offset + smtp.port, '127.0.0.1'), 'listening');
      const run = await sallyport('serve', '--port-offset', String(offset)).exit();
      taken.close();
      expect(run.status).to.equal(69);
      expect(run.stderr).to.match(/Cannot listen: 127\.0\.0\.1 port \d+: EADDRINUSE/);
    });
  });

  describe('logs', () => {
    it('one line for each session, with the TLS facts, and nothing of what the peer said as it is', async () => {
      const { client, command } = await serve();
      await client.until(/^220 .*\r\n/);
      client.say('EHLO x\x1b[2J\r\nSTARTTLS\r\n');
      await client.until(/ready to start/i);
      await client.startTls({ servername: 'ev\x1bil.example.org' });
      client.say('QUIT\r\n');
      await client.end();
      client.destroy();
      const [line = ''] = await command.until(/.*session ended.*/, 'stderr');
      const fields = JSON.parse(line);
      expect(fields).to.include({
        protocol: 'smtp',
        role: 'server',
        tls: 'TLSv1.3',
        servername: 'ev\\x1bil.example.org',
      });
      expect(fields).to.have.all.keys(
        ...[
          'level',
          'time',
          'msg',
          'session',
          'protocol',
          'role',
          'remote',
          'duration',
          'bytesIn',
          'bytesOut',
        ],
        ...['tls', 'cipher', 'resumed', 'servername'],
      );
      expect(line).to.not.contain('\x1b').and.not.contain('2J');
    });
  });
});

/** An offset at which the port of every protocol is free. */
async function freeOffset(): Promise<number> {
  for (let offset = 21_000; offset < 50_000; offset += 911) {
    const ports = protocols.flatMap(({ port, implicitPort = port }) => [...new Set([port, implicitPort])]);
    const free = await Promise.all(ports.map(port => isFree(offset + port)));
    if (free.every(Boolean)) return offset;
  }
  throw new Error('no free ports');
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
