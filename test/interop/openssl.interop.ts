import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { tryCommand } from '../../src/cli/try-command.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { ClientProcess, runClient } from './support/client-process.ts';
import {
  type Conversation,
  conversationOf,
  implicitConversationOf,
  TLS_OFFER,
} from './support/conversations.ts';
import { describeClient } from './support/needed-client.ts';
import { type Servers, useServers } from './support/servers.ts';

/** s_client knows every protocol of the registry, by its own name or as its `sClientName`, or begins with TLS. */
describeClient('openssl', () => {
  describe('s_client -starttls', () => {
    const servers = useServers();
    for (const protocol of protocols.filter(({ tryInBand }) => tryInBand === undefined)) {
      describe(protocol.name, () => testUpgrade(servers, protocol));
    }
  });

  describe('s_client with TLS from the first byte', () => {
    const servers = useServers({ tls: 'implicit' });
    for (const protocol of protocols) {
      it(`verifies the certificate of ${protocol.name} and gets a reply`, () => {
        const alpn = protocol.implicitRequiresAlpn ? ['-alpn', String(protocol.alpn)] : [];
        const args = [...target(servers, protocol), ...alpn, '-tls1_3'];
        return converse(servers, protocol, args, implicitConversationOf(protocol.name));
      });
      it(`connects to ${protocol.name} with the command that serve prints`, () =>
        tryAsPrinted(servers, protocol, true));
    }
  });
});

function testUpgrade(servers: Servers, protocol: Protocol): void {
  const upgrade = () => [...target(servers, protocol), '-starttls', sClientName(protocol)];

  for (const [flag, version] of Object.entries({ '-tls1_3': 'TLSv1.3', '-tls1_2': 'TLSv1.2' })) {
    it(`upgrades with ${version} and verifies the certificate`, async () => {
      const { status, stderr, transcript } = await runClient('openssl', [...upgrade(), flag, '-brief']);
      expect(stderr, transcript).to.include(`Protocol version: ${version}`);
      expect(stderr, transcript).to.include('Verification: OK');
      expect(stderr, transcript).to.include('Verified peername: localhost');
      expect(status, transcript).to.equal(0);
    });

    it(`gets a reply over ${version}`, () =>
      converse(servers, protocol, [...upgrade(), flag], conversationOf(protocol.name)));

    it(`resumes a session of ${version}`, () => resume(servers, protocol, [...upgrade(), flag], version));
  }

  it('refuses TLS 1.1', async () => {
    const old = ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'];
    const { status, stderr, transcript } = await runClient('openssl', [...upgrade(), ...old]);
    expect(stderr, transcript).to.match(/alert protocol version/);
    expect(status, transcript).to.equal(1);
  });

  it('is not trusted under another authority', async () => {
    const stranger = upgrade().map(arg => (arg === servers.caFile ? servers.strangerFile : arg));
    const { status, stderr, transcript } = await runClient('openssl', stranger);
    expect(stderr, transcript).to.match(/certificate verify failed/);
    expect(status, transcript).to.equal(1);
  });

  it('is reached by the command that serve prints', () => tryAsPrinted(servers, protocol, false));
}

function sClientName({ name, sClientName }: Protocol): string {
  return sClientName ?? name;
}

function target(servers: Servers, { name }: Protocol): string[] {
  const verified = ['-CAfile', servers.caFile, '-verify_return_error', '-verify_hostname', 'localhost'];
  return ['s_client', '-connect', `localhost:${servers.port(name)}`, ...verified];
}

/** Says a command under TLS, and goodbye. With -quiet no line is taken for a command to s_client itself. */
async function converse(
  servers: Servers,
  { name }: Protocol,
  args: readonly string[],
  { first, last }: Conversation,
): Promise<void> {
  const client = new ClientProcess('openssl', [...args, '-quiet']);
  await client.heard(/^depth=0 CN = localhost\r?\nverify return:1/m);
  client.say(first.say);
  expect(await client.heard(first.hear)).to.not.match(TLS_OFFER);
  if (last !== undefined) {
    client.say(last.say);
    await client.heard(last.hear);
  }
  // The server closes; without its close_notify s_client would call that an unexpected eof, and end with 1.
  const { status, transcript } = await client.result;
  expect(status, transcript).to.equal(0);
  expect((await servers.ended(name)).at(-1)?.error, transcript).to.equal(undefined);
}

async function resume(
  servers: Servers,
  { name }: Protocol,
  args: readonly string[],
  version: string,
): Promise<void> {
  const session = servers.path(`${name}-${version}.session`);
  const { first } = conversationOf(name);
  const client = new ClientProcess('openssl', [...args, '-nocommands', '-sess_out', session]);
  // With TLS 1.3 the session comes after the handshake, and so before the first reply.
  client.say(first.say);
  await client.heard(first.hear);
  const earlier = await client.hangUp();
  expect(earlier.stdout, earlier.transcript).to.match(new RegExp(`^New, ${version}, `, 'm'));
  const { stdout, transcript } = await runClient('openssl', [...args, '-sess_in', session]);
  expect(stdout, transcript).to.match(new RegExp(`^Reused, ${version}, `, 'm'));
  expect((await servers.ended(name)).at(-1)?.tls?.resumed, transcript).to.equal(true);
}

async function tryAsPrinted(servers: Servers, protocol: Protocol, implicit: boolean): Promise<void> {
  const caFile = servers.file("a shell's trap.pem", servers.ca);
  const place = { host: '127.0.0.1', port: servers.port(protocol.name) };
  const command = tryCommand({ protocol, implicit, caFile, ...place });
  const { status, stdout, transcript } = await runClient('sh', ['-c', `exec ${command}`]);
  expect(stdout, transcript).to.include('Verify return code: 0 (ok)');
  expect(status, transcript).to.equal(0);
}
