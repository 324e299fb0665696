import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import type { Certificate } from '../../src/options.ts';
import type { ProbeResult } from '../../src/probe/probe-result.ts';
import { probe } from '../../src/probe.ts';
import { atOnce } from '../boundary/at-once.ts';
import { issue } from '../support/faulty/certificates.ts';
import { LONG } from '../support/scale.ts';
import { serving, stopServing } from '../support/serving.ts';

/** Our own servers, as they are with nothing set. */
const cases = protocols.flatMap(protocol => [
  { title: `${protocol.name} in-band`, protocol, implicit: false },
  ...(LONG || /^(smtp|imap|postgres|http)$/.test(protocol.name)
    ? [{ title: `${protocol.name} with TLS first`, protocol, implicit: true }]
    : []),
]);

/** What cannot be tried on which protocol, and where TLS comes first; all else has to be carried out. */
const NOT_TRIED: Readonly<Record<string, RegExp>> = {
  'already-logged-in': /^(?!imap )/,
  'injection-line': /^(telnet|mysql) /,
  'injection-lines': /^(telnet|mysql) /,
  'injection-partial': /^(telnet|mysql) /,
  'injection-after-go-ahead': /^(telnet|mysql) /,
  'second-upgrade': /^(telnet|mysql) /,
  'state-kept': /./,
  'login-offered': /^(ftp|irc|telnet|ldap|postgres|mysql|http|line) /,
  'login-accepted': /^(irc|telnet|http|line) /,
  'tls-offered-under-tls': /^(telnet|ldap|postgres|mysql|http|line) /,
  'split-go-ahead': /^(irc|xmpp|xmpp-server|telnet|ldap|http) /,
  'split-reply': /^(irc|xmpp|xmpp-server|telnet|ldap|http) /,
  'long-reply': /^(irc|xmpp|xmpp-server|telnet|ldap|http) /,
  'capability-spelling': /^(ftp|irc|xmpp|xmpp-server|telnet|ldap|postgres|mysql|http|line) /,
  'alpn-ignored': /^(smtp|lmtp|telnet|ldap|mysql|acap|line) /,
  'stalled-handshake': /./,
};

describe('probe of our own servers', () => {
  const results = new Map<string, ProbeResult>();
  let root: Certificate;

  before(async () => {
    root = await issue({ name: 'Root', authority: true });
    const certificate = await issue({}, root);
    await atOnce(cases.length, cases, async ({ title, protocol, implicit }) => {
      const { port } = await serving(protocol, { certificate, ...(implicit ? { tls: 'implicit' } : {}) });
      const target = { protocol, implicit, address: { host: '127.0.0.1', port } };
      results.set(title, await probe(target, { ca: root.cert, servername: 'localhost' }));
    });
  }).timeout(60_000);
  after(stopServing);

  for (const { title, implicit } of cases) {
    it(`finds nothing in ${title}`, () => {
      const result = results.get(title);
      expect(result?.findings.map(({ check, detail }) => `${check}: ${detail}`)).to.deep.equal([]);
      expect(result?.verdict).to.equal('sound');
    });

    it(`leaves nothing untried in ${title}, but what has no sense there`, () => {
      for (const { check, reason } of results.get(title)?.notTried ?? []) {
        const expected = (implicit && reason === 'TLS comes first here') || NOT_TRIED[check]?.test(title);
        expect(expected, `${check}: ${reason}`).to.equal(true);
      }
    });
  }

  it('knows the facts', () => {
    const { facts, target, transcript } = results.get('imap in-band') ?? {};
    expect(target?.servername).to.equal('localhost');
    expect(facts?.offer).to.deep.equal({
      offered: true,
      command: 'a2 STARTTLS\\x0d\\x0a',
      goAhead: 'a2 OK Begin TLS negotiation now\\x0d\\x0a',
    });
    expect(facts?.capabilities).to.deep.equal({
      before: ['IMAP4rev1', 'STARTTLS', 'LOGINDISABLED'],
      after: ['IMAP4rev1'],
      gone: ['STARTTLS', 'LOGINDISABLED'],
      added: [],
    });
    expect(facts?.tls).to.include({ version: 'TLSv1.3', alpn: 'imap' });
    expect(facts?.versions.map(({ version, accepted }) => [version, accepted])).to.deep.equal([
      ['SSLv3', false],
      ['TLSv1', false],
      ['TLSv1.1', false],
      ['TLSv1.2', true],
      ['TLSv1.3', true],
    ]);
    expect(facts?.groups).to.deep.include({ group: 'x25519', postQuantum: false, accepted: true });
    expect(facts?.chain).to.deep.equal({
      trusted: true,
      fault: undefined,
      named: true,
      ordered: true,
      rootSent: false,
    });
    expect(facts?.certificates).to.have.lengthOf(1);
    expect(facts?.certificates[0]).to.deep.include({
      subject: 'CN=localhost',
      issuer: 'CN=Root',
      altNames: 'DNS:localhost',
      daysLeft: 300,
      key: 'EC prime256v1',
      signature: 'ecdsa-with-SHA256',
      selfSigned: false,
    });
    expect(facts?.ocspStapled).to.equal(false);
    expect(facts?.resumption).to.deep.equal([
      { version: 'TLSv1.2', resumed: true, ticketLifetime: 7200 },
      { version: 'TLSv1.3', resumed: true, ticketLifetime: 7200 },
    ]);
    for (const time of Object.values(facts?.times ?? { none: undefined })) expect(time).to.be.at.least(0);
    expect(transcript?.[0]).to.include({ kind: 'said', by: 'server', secure: false });
    expect(transcript?.some(({ kind }) => kind === 'tls')).to.equal(true);
  });

  it('says nothing more than it must: a name that is clear, and a bounded number of connections', () => {
    for (const { connections, transcript } of results.values())
      expect([connections, transcript.length]).to.satisfy(
        ([made = 0, moments = 0]: number[]) => made <= 45 && moments <= 20,
      );
    const { transcript = [] } = results.get('smtp in-band') ?? {};
    const said = transcript.map(moment => (moment.kind === 'said' ? moment.text : ''));
    expect(said).to.include('EHLO sallyport-probe.invalid\\x0d\\x0a');
  });
});
