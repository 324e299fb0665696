import { join } from 'node:path';
import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { type AdminArguments, adminOf, listenBeside } from '../../src/cli/admin-options.ts';
import { silent } from '../../src/log.ts';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { readExposition, sumOf } from '../support/exposition.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { serving, stopServing } from '../support/serving.ts';
import { WireClient } from '../support/wire-client.ts';

const TOKEN = 'correct-horse-battery-staple';
const ANYWHERE = ['--admin', '127.0.0.1:0'];

describe('src/cli/admin-options', function () {
  this.timeout(30_000);
  let folder: string;
  const started: CommandProcess[] = [];

  before(async () => {
    const { server } = await testCertificates();
    folder = await folderWith({
      'pair.pem': server.cert + server.key,
      token: `${TOKEN}\nmore\n`,
      short: 'short\n',
    });
  });
  afterEach(async () => {
    await stopServing();
    for (const command of started.splice(0)) {
      command.kill('SIGKILL');
      await command.exit();
    }
  });
  after(removeFolders);

  function sallyport(...args: readonly string[]): CommandProcess {
    const command = new CommandProcess([...args, '--cert', join(folder, 'pair.pem')]);
    started.push(command);
    return command;
  }

  /** Waits until it listens: the port of the protocol, and where the figures are. */
  async function listening(command: CommandProcess): Promise<{ port: number; admin: string }> {
    const [, admin = ''] = await command.until(/^Admin: (http:\S+\/)$/m);
    return { port: Number(/127\.0\.0\.1:(\d+)/.exec(command.stdout)?.[1]), admin };
  }

  it('tells of a server: its sessions, and where it is', async () => {
    const { port, admin } = await listening(sallyport('serve', 'smtp', '--port', '0', ...ANYWHERE));
    const client = await atGoAhead(port);
    await client.startTls();
    await client.say('QUIT\r\n').end();
    client.destroy();
    const families = readExposition(await (await fetch(`${admin}metrics`)).text());
    expect(sumOf(families, 'sallyport_handshakes_total', { listener: `smtp:${port}` })).to.equal(1);
  });

  it('is not ready while it drains, and ends with it', async () => {
    const command = sallyport('serve', 'smtp', '--port', '0', ...ANYWHERE);
    const { port, admin } = await listening(command);
    const ready = async () => (await fetch(`${admin}readyz`)).status;
    // A handshake under way is let end.
    const client = await atGoAhead(port);
    expect(await ready()).to.equal(200);
    command.kill('SIGTERM');
    await command.until(/draining/, 'stderr');
    expect(await ready()).to.equal(503);
    expect((await fetch(`${admin}healthz`)).status).to.equal(200);
    client.destroy();
    expect((await command.exit()).status).to.equal(0);
  });

  it('tells of a proxy, with a token', async () => {
    const token = ['--admin-token-file', join(folder, 'token')];
    const command = sallyport(
      'proxy',
      'smtp',
      '--listen',
      '127.0.0.1:0',
      '--to',
      '127.0.0.1:1',
      ...ANYWHERE,
      ...token,
    );
    const { port, admin } = await listening(command);
    (await atGoAhead(port)).destroy();
    expect((await fetch(`${admin}metrics`)).status).to.equal(401);
    const response = await fetch(`${admin}metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
    const families = readExposition(await response.text());
    expect(sumOf(families, 'sallyport_connections_total', { protocol: 'smtp' })).to.equal(1);
    expect(command.stdout + command.stderr).to.not.contain(TOKEN);
  });

  it('is refused beyond this machine without a token, and with one that cannot be read or is none', async () => {
    const admin = { host: '127.0.0.1', port: 0 };
    const file = (name: string) => ({ adminTokenFile: join(folder, name) });
    const wrong: readonly (readonly [AdminArguments, string])[] = [
      [{ admin: { host: '0.0.0.0', port: 0 } }, 'needs a token'],
      [{ admin, ...file('short') }, '16 to 512'],
      [{ admin, ...file('none') }, 'none: cannot be read (ENOENT)'],
      [file('token'), '--admin-token-file needs --admin'],
    ];
    for (const [options, reason] of wrong) {
      const failure = await adminOf(options, [], silent).catch(error => error);
      expect(failure.code).to.equal('ERR_OPTION');
      expect(failure.message).to.contain(reason);
    }
    expect(await adminOf({}, [], silent)).to.equal(undefined);
    expect(await listenBeside(undefined, [], silent)).to.equal('');
  });

  it('leaves no server running where it cannot listen, and says where it does', async () => {
    const { server } = await serving(smtp);
    const taken = await adminOf({ admin: { path: join(folder, 'token') } }, [server], silent);
    const failure = await listenBeside(taken, [server], silent).catch(error => error);
    expect(failure.message).to.equal(`Cannot listen: ${join(folder, 'token')}: EADDRINUSE`);
    expect(server.address).to.equal(undefined);
    const path = join(folder, 'admin');
    const admin = await adminOf({ admin: { path } }, [], silent);
    expect(await listenBeside(admin, [], silent)).to.equal(`\nAdmin: ${path}\n`);
    await admin?.close();
  });
});

async function atGoAhead(port: number): Promise<WireClient> {
  const client = await WireClient.connect(port);
  await client.until('ready\r\n');
  client.say('EHLO a\r\nSTARTTLS\r\n');
  await client.until('220 2.0.0 Ready to start TLS\r\n');
  return client;
}
