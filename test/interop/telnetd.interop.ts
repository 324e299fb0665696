import { expect } from 'chai';
import { WireClient } from '../support/wire-client.ts';
import type { Daemon } from './servers/daemon.ts';
import { startTelnetd, TELNET_PASSWORD } from './servers/telnetd.ts';
import { type Backend, describeBackend } from './support/backend.ts';
import { ClientProcess, runClient } from './support/client-process.ts';
import type { Front } from './support/fronts.ts';
import { S3270 } from './support/s3270.ts';
import { type TelnetSession, useTelnet } from './support/telnet-user.ts';

type Telnetd = Daemon<'telnet'>;

/** There is no server in Debian that knows START_TLS. */
describeBackend<Telnetd>('telnetd', {
  installed: ['which', 'telnetd', 'systemd-socket-activate', 's3270', 'telnet-ssl', 'openssl'],
  start: startTelnetd,
  behindProxy: testBehindProxy,
});

function testBehindProxy(backend: Backend<Telnetd>): void {
  const { fronts } = backend;
  const port = () => backend.server.ports.telnet;

  it('lets s3270 log in and work, which upgrades by START_TLS', async () => {
    await workByS3270(await fronts.command('telnet', port()));
  });

  it('lets s3270 log in and work, where TLS is optional', async () => {
    await workByS3270(await fronts.proxy('telnet', port(), { tls: 'optional' }));
  });

  it('lets telnet-ssl log in and work, which begins with TLS and verifies the certificate', async () => {
    const front = await fronts.proxy('telnet', port(), { tls: 'implicit' });
    await workByTelnet(front, '-z', 'ssl', '-z', 'secure', '-z', 'verify=3', '-z', `cacert=${front.caFile}`);
  });

  it('lets telnet-ssl log in and work in plaintext, where TLS is optional', async () => {
    await workByTelnet(await fronts.proxy('telnet', port(), { tls: 'optional' }), '-z', '!ssl');
  });

  it('is not reached by telnet-ssl in plaintext, where TLS is required', async () => {
    const front = await fronts.proxy('telnet', port());
    const client = new ClientProcess('telnet-ssl', ['-z', '!ssl', 'localhost', String(front.port)]);
    const { stdout, transcript } = await client.result;
    expect(stdout, transcript).to.include('TLS required: turn START_TLS on');
    expect(stdout, transcript).to.not.include('login:');
  });

  it('says to its clients, byte for byte, what it says to one without a proxy', async () => {
    const direct = await work(await WireClient.connect(port()));
    expect(direct.text).to.include('\r\nWelcome, anna\r\n');
    expect(direct.text).to.include('\r\nvt100, 40 100\r\n');
    expect(direct.text).to.include('\r\na\xff\xfe\x00\xff\xffz\r\n');
    expect(direct.text).to.include(',19999,20000\r\n');
    for (const tls of ['required', 'optional', 'implicit'] as const) {
      const front = await fronts.proxy('telnet', port(), { tls });
      expect(await work(await secureClient(front, tls)), tls).to.deep.equal(direct);
      if (tls !== 'optional') continue;
      const plain = await WireClient.connect(front.port);
      plain.say('\xff\xfc.'); // WONT START_TLS
      await plain.until('\xff\xfd.');
      expect(await work(plain), 'in plaintext').to.deep.equal(direct);
    }
  });

  it('is told by the proxy to be gone when it is', async () => {
    const front = await fronts.proxy('telnet', await fronts.deadPort());
    const place = ['-connect', `localhost:${front.port}`, '-CAfile', front.caFile, '-verify_return_error'];
    const options = ['s_client', '-starttls', 'telnet', '-quiet', ...place];
    const { stdout, transcript } = await runClient('openssl', options);
    expect(stdout, transcript).to.equal('Upstream cannot be reached\r\n');
  });
}

async function workByS3270({ port, caFile }: Front): Promise<void> {
  const client = new S3270(port, caFile);
  await client.expect('login: ');
  await client.answers('Query(Tls)', /^data: secure host-verified$/m);
  await client.type('anna');
  await client.expect('Password: ');
  await client.type(TELNET_PASSWORD);
  await client.expect('Welcome, anna');
  await client.type('terminal');
  await client.expect('xterm, 43 80');
  await client.quit();
}

async function workByTelnet({ port }: Front, ...options: readonly string[]): Promise<void> {
  const env = { TERM: 'vt220' };
  const client = new ClientProcess('telnet-ssl', [...options, 'localhost', String(port)], { env });
  await client.heard(/login: /);
  client.say('anna\n');
  await client.heard(/Password: /);
  client.say(`${TELNET_PASSWORD}\n`);
  await client.heard(/Welcome, anna\r?\n/);
  client.say('terminal\n');
  await client.heard(/vt220, \d+ \d+\r?\n/);
  client.say('exit\n');
  await client.heard(/Connection closed by foreign host/);
  await client.result;
}

function work(client: WireClient): Promise<TelnetSession> {
  const lines = [
    ['login: ', 'anna'],
    ['Password: ', TELNET_PASSWORD],
    ['> ', 'terminal'],
    ['> ', 'bytes'],
    ['> ', 'numbers'],
  ] as const;
  return useTelnet(client, lines, '\n> ');
}

async function secureClient(front: Front, tls: 'required' | 'optional' | 'implicit'): Promise<WireClient> {
  const client = await WireClient.connect(front.port);
  if (tls !== 'implicit') {
    await client.until('\xff\xfd.');
    client.say('\xff\xfb.\xff\xfa.\x01\xff\xf0');
    await client.until('\xff\xfa.\x01\xff\xf0');
  }
  await client.startTls({ ca: front.ca });
  return client;
}
