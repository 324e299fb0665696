import { Client, FTPError } from 'basic-ftp';
import { expect } from 'chai';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

/** Both clients log in only under TLS; a server with nothing behind it refuses that there. */
const REFUSAL = /530 No file service behind this server/;

for (const { name } of protocolsNamed('ftp')) {
  describeClient('lftp', () => testLftp(useServers(), name));
  describe('basic-ftp', () => testBasicFtp(useServers(), name));
}

function testLftp(servers: Servers, name: string): void {
  it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
    const result = await lftp(servers, name, servers.caFile);
    expect(result.stderr, result.transcript).to.match(/^---> AUTH TLS\n<--- 234 .*\n/m);
    expect(result.transcript).to.match(/^Loaded 1 CAs/m);
    expect(result.stderr, result.transcript).to.match(/^---> USER tester\n<--- 530 .*\n/m);
    expect(result.stderr, result.transcript)
      .to.match(/^ls: Login failed: /m)
      .and.match(REFUSAL);
    const end = (await servers.ended(name)).at(-1);
    expect(end?.tls?.version, result.transcript).to.equal('TLSv1.3');
    expect(end?.error, result.transcript).to.equal(undefined);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await lftp(servers, name, servers.strangerFile);
    expect(stderr, transcript).to.match(/Certificate verification: .*NOT trusted/);
    expect(status, transcript).to.equal(1);
  });
}

function lftp(servers: Servers, name: string, caFile: string): Promise<ClientResult> {
  const commands = [
    'debug 9',
    'set ftp:ssl-force yes',
    'set ssl:verify-certificate yes',
    `set ssl:ca-file ${caFile}`,
    'set net:max-retries 1',
    'set net:timeout 10',
    `open -u tester,secret -p ${servers.port(name)} localhost`,
    'ls',
  ];
  return runClient('lftp', ['--norc', '-c', commands.join('; ')]);
}

function testBasicFtp(servers: Servers, name: string): void {
  let client: Client;
  beforeEach(() => {
    client = new Client(10_000);
  });
  afterEach(() => client.close());

  it('upgrades, verifies the certificate and gets replies', async () => {
    await client.connect('localhost', servers.port(name));
    await client.useTLS({ ca: servers.ca, host: 'localhost' });
    expect(client.ftp.hasTLS).to.equal(true);
    const features = await client.features();
    expect([...features.keys()])
      .to.include.members(['PBSZ', 'PROT'])
      .and.not.include('AUTH');
    expect(await client.send('PBSZ 0')).to.include({ code: 200 });
    expect(await client.send('PROT P')).to.include({ code: 200 });
  });

  it('is refused honestly over TLS', async () => {
    const access = { secure: true, secureOptions: { ca: servers.ca }, user: 'tester', password: 'secret' };
    const place = { host: 'localhost', port: servers.port(name) };
    const error = await client.access({ ...place, ...access }).catch(reason => reason);
    expect(error).to.be.instanceOf(FTPError).with.property('message').that.matches(REFUSAL);
    expect(client.ftp.hasTLS).to.equal(true);
  });

  it('does not trust a certificate whose authority it was not given', async () => {
    await client.connect('localhost', servers.port(name));
    const error = await client.useTLS({ host: 'localhost' }).catch(reason => reason);
    expect(error).to.have.property('code', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
}
