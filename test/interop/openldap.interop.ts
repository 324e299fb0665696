import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { Attribute, Change, Client, ResultCodeError } from 'ldapts';
import { WireClient } from '../support/wire-client.ts';
import type { Identity } from './servers/identity.ts';
import { DIRECTORY, DIRECTORY_LOGIN, type Openldap, startOpenldap } from './servers/openldap.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { conversationOf } from './support/conversations.ts';
import { type Front, useFronts } from './support/fronts.ts';
import { describeClient } from './support/needed-client.ts';
import { probed } from './support/probed.ts';

const IS_INSTALLED = ['which', 'slapd', 'ldapsearch'];
const PEOPLE = 1000;

describeClient(
  'backend OpenLDAP',
  () => {
    describe('without TLS, behind a proxy', testBehindProxy);
    describe('with TLS', testWithTls);
  },
  IS_INSTALLED,
);

function testBehindProxy(): void {
  const fronts = useFronts();
  let slapd: Openldap;
  before('slapd starts', async () => {
    slapd = await startOpenldap({ tls: false });
  });
  after('slapd stops', () => slapd?.stop());
  const front = (tls: 'required' | 'optional') => fronts.proxy('ldap', slapd.ports.ldap, { tls });

  it(`takes ${PEOPLE} entries from ldapadd -ZZ`, async () => {
    const { status, transcript } = await ldap('ldapadd', await front('required'), [], people());
    expect(status, transcript).to.equal(0);
  });

  for (const tls of ['required', 'optional'] as const) {
    it(`finds them for ldapsearch -ZZ, with TLS ${tls}`, async () => {
      const search = ['-LLL', '-b', DIRECTORY, '(uid=*)', 'uid'];
      const { stdout, status, transcript } = await ldap('ldapsearch', await front(tls), search);
      expect(stdout.match(/^uid: user\d+$/gm)?.length, transcript).to.equal(PEOPLE);
      expect(status, transcript).to.equal(0);
    });

    it(`lets ldapts bind, add, modify and search, with TLS ${tls}`, async () => {
      await workWithLdapts(await front(tls), `by ${tls}`);
    });
  }

  it('does not offer StartTLS where it is done', async () => {
    const rootDse = ['-LLL', '-s', 'base', '-b', '', 'supportedExtension', 'namingContexts'];
    const { stdout, transcript } = await ldap('ldapsearch', await front('required'), rootDse);
    expect(stdout, transcript)
      .to.match(/^namingContexts: dc=example,dc=org$/m)
      .and.not.contain(START_TLS);
  });

  it('refuses a wrong password in its own words', async () => {
    const client = await connect(await front('required'));
    const failure = await client.bind(DIRECTORY_LOGIN.dn, 'wrong').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(ResultCodeError).and.include({ code: 49 });
    await client.unbind();
  });

  it('is told who the client is by a PROXY header', async () => {
    const options = { sendProxy: 'v2', proxyFrom: ['127.0.0.1'] } as const; // it knows no other version
    const { port, ca } = await fronts.proxy('ldap', slapd.ports['ldap-proxied'], options);
    const client = await WireClient.connect(port);
    client.say('PROXY TCP4 192.0.2.7 192.0.2.1 4711 389\r\n');
    await askForTls(client);
    await client.startTls({ ca });
    client.say(Buffer.from(conversationOf('ldap').first.say, 'latin1'));
    await client.until('supportedLDAPVersion');
    await slapd.logged(/ACCEPT from IP=192\.0\.2\.7:4711 /);
    client.destroy();
  });

  it('is told by the proxy to be gone when it is', async () => {
    const required = await front('required');
    await slapd.stop();
    const { stderr, transcript } = await ldap('ldapsearch', required, ['-b', DIRECTORY]);
    expect(stderr, transcript).to.match(/^ldap_\w+: Can't contact LDAP server \(-1\)$/m);
    const client = await WireClient.connect(required.port);
    await askForTls(client);
    await client.startTls({ ca: required.ca });
    client.say(Buffer.from(conversationOf('ldap').first.say, 'latin1'));
    await client.until(UNAVAILABLE); // libldap makes the message above of it
    client.destroy();
  });
}

function testWithTls(): void {
  const fronts = useFronts();
  let slapd: Openldap;
  let identity: Identity;
  before('slapd starts', async () => {
    slapd = await startOpenldap({ tls: true });
    if (slapd.identity === undefined) throw new Error('a server without TLS');
    identity = slapd.identity;
  });
  after('slapd stops', () => slapd?.stop());

  it('has the findings that the guide says', async () => {
    const { checks, message } = await probed('ldap', slapd.ports.ldap, identity.ca);
    expect(checks, message).to.deep.equal(['injection-partial', 'old-tls', 'renegotiation']);
  });

  it('has one more where it does not insist on TLS', async () => {
    const lax = await startOpenldap({ tls: true, insists: false });
    try {
      const only = { only: ['login-accepted'] } as const;
      const { checks, message } = await probed('ldap', lax.ports.ldap, lax.identity?.ca ?? '', only);
      expect(checks, message).to.deep.equal(['login-accepted']);
    } finally {
      await lax.stop();
    }
  });

  it('is reached through a proxy under TLS on both legs, with its certificate verified', async () => {
    const toTls = { mode: 'upgrade', ca: identity.ca } as const;
    const front = await fronts.proxy('ldap', slapd.ports.ldap, { toTls });
    const { status, transcript } = await ldap('ldapadd', front, [], people(3));
    expect(status, transcript).to.equal(0); // slapd does nothing without TLS
    await workWithLdapts(front, 'by both');
  });
}

const START_TLS = '1.3.6.1.4.1.1466.20037';

/** Of a Notice of Disconnection that says so (RFC 4511 section 4.4.1). */
const UNAVAILABLE = 'x9\n\x014\x04\0\x04\x1aUpstream cannot be reached';

async function askForTls(client: WireClient): Promise<void> {
  await client.say(Buffer.from(`0\x1d\x02\x01\x01w\x18\x80\x16${START_TLS}`, 'latin1')).until(START_TLS);
}

function people(count = PEOPLE): string {
  const top = `dn: ${DIRECTORY}\nobjectClass: domain\ndc: example\n`;
  const each = Array.from(
    { length: count },
    (_, n) => `dn: uid=user${n},${DIRECTORY}\nobjectClass: account\nuid: user${n}\n`,
  );
  return [top, ...each].join('\n');
}

/** Binds by a password. -ZZ: StartTLS must succeed, with a verified certificate. */
function ldap(
  tool: string,
  { port, caFile }: Front,
  args: readonly string[],
  input = '',
): Promise<ClientResult> {
  const { dn, password } = DIRECTORY_LOGIN;
  const login = ['-x', '-ZZ', '-H', `ldap://127.0.0.1:${port}`, '-D', dn, '-w', password];
  const env = { LDAPTLS_CACERT: caFile, LDAPTLS_REQCERT: 'hard' };
  return runClient(tool, [...login, ...args], { input, env });
}

async function connect({ port, ca }: Front): Promise<Client> {
  const client = new Client({ url: `ldap://localhost:${port}`, timeout: 15_000 });
  await client.startTLS({ ca });
  return client;
}

async function workWithLdapts(front: Front, name: string): Promise<void> {
  const client = await connect(front);
  await client.bind(DIRECTORY_LOGIN.dn, DIRECTORY_LOGIN.password);
  const dn = `cn=${name},${DIRECTORY}`;
  await client.add(dn, { objectClass: 'person', cn: name, sn: 'Somebody' });
  const modification = new Attribute({ type: 'description', values: ['x'.repeat(20_000)] });
  await client.modify(dn, new Change({ operation: 'add', modification }));
  const { searchEntries } = await client.search(dn, { attributes: ['sn', 'description'] });
  expect(searchEntries).to.deep.equal([{ dn, sn: 'Somebody', description: 'x'.repeat(20_000) }]);
  await client.unbind();
}
