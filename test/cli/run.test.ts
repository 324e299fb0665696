import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import * as net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitStatuses } from '../../src/cli/exit-status.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { CommandProcess, SALLYPORT } from '../support/command.ts';
import { configurationFolder } from '../support/configuration-files.ts';
import { removeFolders } from '../support/folder.ts';
import { WireClient } from '../support/wire-client.ts';

const GOOD = `certificates: [{ cert: now.pem, key: now.key }]
listeners:
  - { protocol: line, address: '127.0.0.1:0', exec: cat }
log: { format: json }
`;

describe('sallyport run', function () {
  this.timeout(60_000);
  let folder: string;
  let file: string;
  const running: CommandProcess[] = [];

  before(async () => {
    folder = await configurationFolder();
    file = join(folder, 'sallyport.yaml');
  });
  beforeEach(async () => {
    await copyFile(join(folder, 'mail.pem'), join(folder, 'now.pem'));
    await copyFile(join(folder, 'mail.key'), join(folder, 'now.key'));
  });
  afterEach(async () => {
    for (const command of running.splice(0)) {
      command.kill('SIGKILL');
      await command.exit();
    }
  });
  after(removeFolders);

  async function run(text: string): Promise<CommandProcess> {
    await writeFile(file, text);
    const command = new CommandProcess(['run', '--config', file], { XDG_STATE_HOME: folder });
    running.push(command);
    return command;
  }

  async function portOf(command: CommandProcess): Promise<number> {
    await command.until(/"msg":"ready"/, 'stderr');
    return Number(/"port":(\d+)/.exec(command.stderr)?.[1]);
  }

  /** The common name of the certificate, and a client under TLS. */
  async function session(port: number): Promise<{ client: WireClient; name: string }> {
    const client = await WireClient.connect(port);
    await client.until(/\r\n/);
    client.say('STARTTLS\r\n');
    await client.until(/\r\n/);
    const secure = await client.startTls();
    return { client, name: String(secure.getPeerCertificate().subject.CN) };
  }

  it('serves, reloads at SIGHUP with sessions untouched, and ends with 0 at SIGTERM when they have ended', async () => {
    const command = await run(GOOD);
    const port = await portOf(command);
    const { client, name } = await session(port);
    expect(name).to.equal('mail.example.org');
    const { cert, key } = await issueCertificate({ commonName: 'renewed', days: 2, names: ['localhost'] });
    await writeFile(join(folder, 'now.pem'), cert);
    await writeFile(join(folder, 'now.key'), key);
    await writeFile(file, GOOD.replace('json', 'json, level: info'));
    command.kill('SIGHUP');
    await command.until(/"added":0,"changed":0,"removed":0,"kept":1,"msg":"reloaded"/, 'stderr');
    expect(command.stderr).to.contain('"msg":"certificate renewed"');
    const renewed = await session(port);
    expect(renewed.name).to.equal('renewed');
    renewed.client.destroy();
    await client.say('still here\r\n').until('still here');
    command.kill('SIGTERM');
    await command.until(/"msg":"draining"/, 'stderr');
    await client.say('and while it drains\r\n').until('and while it drains');
    client.destroy();
    const { status, stderr } = await command.exit();
    expect(status).to.equal(exitStatuses.ok);
    expect(stderr).to.contain('"msg":"closed"');
  });

  it('changes nothing at a mistake in the file, says which, and takes the file when it is mended', async () => {
    const command = await run(GOOD);
    const port = await portOf(command);
    await writeFile(file, GOOD.replace('exec:', 'exce:'));
    command.kill('SIGHUP');
    await command.until(/"msg":"reload refused: all goes on as before"/, 'stderr');
    expect(command.stderr).to.match(
      /:3:47: there is no key \\"exce\\" in item 1 of \\"listeners\\"; did you mean \\"exec\\"/,
    );
    const { client } = await session(port);
    await client.say('as before\r\n').until('as before');
    client.destroy();
    await writeFile(file, GOOD.replace('json', 'pretty'));
    command.kill('SIGHUP');
    await command.until(/INFO.*reloaded/, 'stderr');
  });

  it('cuts off at its own deadline what does not end', async () => {
    const command = await run(`${GOOD}drain: 100ms\n`);
    const { client } = await session(await portOf(command));
    command.kill('SIGINT');
    await client.end();
    expect((await command.exit()).status).to.equal(exitStatuses.ok);
    client.destroy();
  });

  it('listens on a socket that systemd passes, keeps it over a reload, and cannot have it again', async () => {
    const socket = net.createServer().listen(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address() as net.AddressInfo; // it listens
    // Internal to Node, and the only way to a listening descriptor.
    const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
    const passed = GOOD.replace("'127.0.0.1:0'", 'systemd:mail');
    await writeFile(file, passed);
    const script = 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=mail; exec "$@"';
    const args = ['-c', script, 'sh', process.execPath, ...SALLYPORT, 'run', '--config', file];
    const command = new CommandProcess(args, { XDG_STATE_HOME: folder }, { file: 'sh', descriptors: [fd] });
    running.push(command);
    socket.close();
    const { client } = await session(await portOf(command));
    await writeFile(file, passed.replace('exec: cat', 'exec: tr a-z A-Z').replace('level: info', ''));
    command.kill('SIGHUP');
    await command.until(/"changed":1,"removed":0,"kept":0,"msg":"reloaded"/, 'stderr');
    const changed = await session(port);
    await client.say('as before\r\n').until('as before');
    for (const each of [client, changed.client]) each.destroy();
    await writeFile(file, GOOD);
    command.kill('SIGHUP');
    await command.until(/"added":1,"changed":0,"removed":1/, 'stderr');
    await writeFile(file, passed);
    command.kill('SIGHUP');
    await command.until(/"systemd:mail\\" has been given up before[^\n]*"reload refused/, 'stderr');
    const [, last] = [...command.stderr.matchAll(/"port":(\d+)[^\n]*"msg":"listening"/g)].at(-1) ?? [];
    (await session(Number(last))).client.destroy();
  });

  it('does not start with a mistake in the file: prints all of them, and ends with 78', async () => {
    const command = await run(GOOD.replace('line', 'lines').replace('exec', 'exce'));
    const { status, stderr } = await command.exit();
    expect(status).to.equal(exitStatuses.config);
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .map(line => line.replace(`${file}:`, '')),
    ).to.deep.equal([
      '3:17: "protocol" is "lines"; did you mean "line"?',
      '3:48: there is no key "exce" in item 1 of "listeners"; did you mean "exec"?',
    ]);
  });

  it('does not start where it cannot listen, and says so by its exit status', async () => {
    const first = await run(GOOD);
    const port = await portOf(first);
    const second = await run(GOOD.replace('127.0.0.1:0', `127.0.0.1:${port}`));
    const { status, stderr } = await second.exit();
    expect(status).to.equal(exitStatuses.unavailable);
    expect(stderr).to.match(/Cannot listen: 127\.0\.0\.1 port \d+: EADDRINUSE/);
  });
});
