import { expect } from 'chai';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { ClientProcess, runClient } from './support/client-process.ts';
import { conversationOf, TLS_OFFER } from './support/conversations.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

/** What --starttls-proto of GnuTLS 3.7 knows, by our names; submission is smtp on another port. */
const known = protocolsNamed(
  ...['smtp', 'lmtp', 'pop3', 'imap', 'ftp', 'nntp', 'sieve', 'xmpp', 'ldap', 'postgres'],
);

describeClient('gnutls-cli', () => {
  const servers = useServers();
  for (const protocol of known) {
    describe(protocol.name, () => testUpgrade(servers, protocol, protocol.name));
  }
  for (const protocol of protocolsNamed('smtp')) {
    describe('smtp as submission', () => testUpgrade(servers, protocol, 'submission'));
  }
});

function testUpgrade(servers: Servers, { name }: Protocol, gnutlsName: string): void {
  const upgrade = (caFile: string, ...more: readonly string[]) => {
    const place = [`--starttls-proto=${gnutlsName}`, '--port', String(servers.port(name)), 'localhost'];
    return [`--x509cafile=${caFile}`, ...more, ...place];
  };

  for (const version of ['1.3', '1.2']) {
    const only = `--priority=NORMAL:-VERS-ALL:+VERS-TLS${version}`;

    it(`upgrades with TLS ${version}, trusts the certificate and gets a reply`, async () => {
      const client = new ClientProcess('gnutls-cli', upgrade(servers.caFile, only));
      await client.heard(/^- Status: The certificate is trusted\./m);
      await client.heard(new RegExp(`^- Description: \\(TLS${version}-X\\.509\\)`, 'm'));
      await client.heard(/^- Handshake was completed/m);
      await client.heard(/^- Simple Client Mode:/m);
      await say(client, name);
      const { status, transcript } = await client.result;
      expect(status, transcript).to.equal(0);
      expect((await servers.ended(name)).at(-1)?.error, transcript).to.equal(undefined);
    });

    // gnutls-cli loses a ticket of TLS 1.3 with data behind it, and in sieve the server speaks first under TLS.
    if (version === '1.3' && name === 'sieve') continue;

    it(`resumes a session of TLS ${version}`, async () => {
      const result = await runClient('gnutls-cli', upgrade(servers.caFile, only, '--resume'));
      expect(result.stdout, result.transcript).to.include('*** This is a resumed session');
      expect(result.status, result.transcript).to.equal(0);
    });
  }

  it('does not trust the certificate under another authority', async () => {
    const { status, stdout, transcript } = await runClient('gnutls-cli', upgrade(servers.strangerFile));
    expect(stdout, transcript).to.include('- Status: The certificate is NOT trusted.');
    expect(status, transcript).to.equal(1);
  });
}

async function say(client: ClientProcess, name: string): Promise<void> {
  const { first, last } = conversationOf(name);
  client.say(first.say);
  expect(await client.heard(first.hear)).to.not.match(TLS_OFFER);
  if (last !== undefined) {
    client.say(last.say);
    await client.heard(last.hear);
  }
  await client.heard(/- Peer has closed the GnuTLS connection/m);
}
