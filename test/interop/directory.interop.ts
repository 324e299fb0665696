import { expect } from 'chai';
import { Client, ResultCodeError } from 'ldapts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

describeClient('ldapsearch', () => testFor(testLdapsearch));
describe('ldapts', () => testFor(testLdapts));

function testFor(test: (servers: Servers, name: string) => void): void {
  const servers = useServers();
  for (const { name } of protocolsNamed('ldap')) test(servers, name);
}

function testLdapsearch(servers: Servers, name: string): void {
  /** -ZZ: StartTLS must succeed. `localhost` would be made the name of this machine, which is not in the certificate. */
  const ldapsearch = (caFile: string, ...args: readonly string[]): Promise<ClientResult> => {
    const place = ['-H', `ldap://127.0.0.1:${servers.port(name)}`];
    const env = { LDAPTLS_CACERT: caFile, LDAPTLS_REQCERT: 'hard' };
    return runClient('ldapsearch', ['-x', '-ZZ', '-LLL', ...place, ...args], { env });
  };

  it('upgrades, verifies the certificate, and prints the root DSE it gets over TLS', async () => {
    const { stdout, status, transcript } = await ldapsearch(servers.caFile, '-s', 'base', '-b', '', '+');
    expect(stdout, transcript)
      .to.match(/^supportedLDAPVersion: 3$/m)
      .and.not.include('1.3.6.1.4.1.1466.20037'); // StartTLS is no longer offered
    expect(status, transcript).to.equal(0);
    const end = (await servers.ended(name)).at(-1);
    expect(end?.tls?.version, transcript).to.equal('TLSv1.3');
    expect(end?.error, transcript).to.equal(undefined);
  });

  it('is refused honestly over TLS', async () => {
    const { stderr, status, transcript } = await ldapsearch(servers.caFile, '-b', 'dc=example,dc=org');
    expect(stderr, transcript).to.match(/^Additional information: No directory behind this server$/m);
    expect(status, transcript).to.equal(52);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await ldapsearch(servers.strangerFile, '-s', 'base', '-b', '');
    expect(stderr, transcript).to.match(/^ldap_start_tls: Connect error \(-11\)/m);
    expect(status, transcript).to.equal(1);
    // It looks at the certificate behind the handshake, and takes its leave in plaintext. Where that comes in one piece
    // with its Finished, the handshake is not over for us before it has gone.
    const end = (await servers.ended(name)).at(-1);
    if (end?.reached !== 'clientHello') expect(end?.error?.code, transcript).to.equal('ERR_TLS_RECORD');
  });
}

function testLdapts(servers: Servers, name: string): void {
  const clientOf = () => new Client({ url: `ldap://localhost:${servers.port(name)}`, timeout: 5000 });

  it('upgrades, verifies the certificate, gets the root DSE over TLS, and is refused honestly', async () => {
    const client = clientOf();
    await client.startTLS({ ca: servers.ca });
    const { searchEntries } = await client.search('', { scope: 'base', attributes: ['+'] });
    expect(searchEntries[0]).to.include({ dn: '', supportedLDAPVersion: '3', vendorName: 'Sallyport' });
    const refusal = await client.bind('cn=tester', 'secret').catch((reason: unknown) => reason);
    expect(refusal).to.be.instanceOf(ResultCodeError).and.include({ code: 52 });
    expect(String(refusal)).to.include('No directory behind this server');
    await client.unbind();
    expect((await servers.ended(name)).at(-1)?.tls?.version).to.equal('TLSv1.3');
  });

  it('does not trust a certificate whose authority it was not given', async () => {
    const client = clientOf();
    const error = await client.startTLS({}).catch((reason: unknown) => reason);
    expect(String(error)).to.match(/unable to verify the first certificate/);
    await client.unbind().catch(() => undefined); // it has lost its connection
  });
}
