import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import type { Certificate, ServerOptions } from '../../src/options.ts';
import { createServer } from '../../src/server.ts';
import { testCertificates } from '../support/certificates.ts';
import { removeFolders } from '../support/folder.ts';
import { opensslCertificate } from '../support/openssl-certificate.ts';
import { visit } from '../support/returning-client.ts';
import { opensslRevocationList } from '../support/revocation-list.ts';
import { serving, stopServing } from '../support/serving.ts';

describe('client certificates', () => {
  let authority: Certificate;
  let alice: Certificate;

  before(async () => {
    ({ authority, client: alice } = await testCertificates());
  });
  afterEach(stopServing);
  after(removeFolders);

  const requiring = (options: Partial<ServerOptions>) =>
    serving(
      line,
      { tls: 'implicit', ca: authority.cert, clientCertificate: 'require', ...options },
      session => session.writeLine('hello'),
    );
  const letIn = (port: number, client: Certificate, options: object = {}): Promise<boolean> =>
    visit(port, { ...client, ...options }).then(
      () => true,
      () => false,
    );

  describe('whose subjects are told', () => {
    const cases: [readonly string[], boolean][] = [
      [['alice'], true],
      [['ALICE'], true],
      [['bob', 'alice.example.org'], true],
      [['*.example.org'], true],
      [['al*'], true],
      [['*.org'], false],
      [['alice.example'], false],
      [['lice'], false],
      [['a.ice'], false],
      [['bob'], false],
    ];
    for (const [clientSubjects, expected] of cases) {
      it(`judge alice by ${clientSubjects.join()}: ${expected}`, async () => {
        const { port, over } = await requiring({ clientSubjects });
        expect(await letIn(port, alice)).to.equal(expected);
        const [end] = await over(1);
        expect(end?.error?.code).to.equal(expected ? undefined : 'ERR_HANDSHAKE_SUBJECT');
        if (!expected) expect(end?.error?.message).to.match(/: alice, alice\.example\.org$/);
      });
    }

    it('are those of every kind of alternative name', async () => {
      const extensions = ['subjectAltName=email:bob@example.org,URI:urn:x,IP:192.0.2.1'];
      const bob = await opensslCertificate({ commonName: 'b', extensions }, authority);
      for (const subject of ['bob@example.org', '*@example.org', 'urn:x', '192.0.2.1']) {
        const { port } = await requiring({ clientSubjects: [subject] });
        expect(await letIn(port, bob), subject).to.equal(true);
      }
    });

    it('need not be there at all', async () => {
      const nameless = await opensslCertificate({ commonName: '', subject: '/O=nobody' }, authority);
      const { port, over } = await requiring({ clientSubjects: ['*'] });
      expect(await letIn(port, nameless)).to.equal(false);
      expect((await over(1))[0]?.error?.code).to.equal('ERR_HANDSHAKE_SUBJECT');
    });
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    describe(`in ${version}`, () => {
      const speaking = { minVersion: version, maxVersion: version };

      it('count in a session that is resumed as well, and what is allowed has changed since', async () => {
        const { server, port } = await requiring({ clientSubjects: ['alice'] });
        const { certificate } = server.options;
        const before = await visit(port, { ...alice, ...speaking });
        const again = { ...speaking, ...(before.session && { session: before.session }) };
        expect(await visit(port, { ...alice, ...again })).to.include({ resumed: true });
        const others = { certificate, ca: authority.cert, clientCertificate: 'require' } as const;
        server.replaceTls({ ...others, clientSubjects: ['bob'] });
        expect(await letIn(port, alice, again)).to.equal(false);
        server.replaceTls(others);
        expect(await letIn(port, alice, again)).to.equal(true);
      });

      it('that are revoked let nobody in, with a ticket either', async () => {
        const { server, port, over } = await requiring({ crl: [await opensslRevocationList(authority, [])] });
        const { certificate } = server.options;
        const before = await visit(port, { ...alice, ...speaking });
        const again = { ...speaking, ...(before.session && { session: before.session }) };
        expect(await visit(port, { ...alice, ...again })).to.include({ resumed: true });
        const crl = [await opensslRevocationList(authority, [alice])];
        server.replaceTls({ certificate, ca: authority.cert, crl, clientCertificate: 'require' });
        expect(await letIn(port, alice, again)).to.equal(false);
        expect((await over(3))[2]?.error?.message).to.match(/not trusted: CERT_REVOKED$/);
      });

      it('that have expired when a session is resumed end it', async () => {
        const { port, over } = await requiring({});
        const before = await visit(port, { ...alice, ...speaking });
        const again = { ...speaking, ...(before.session && { session: before.session }) };
        const { now } = Date;
        Date.now = () => now() + 3 * 86_400_000;
        try {
          expect(await letIn(port, alice, again)).to.equal(false);
        } finally {
          Date.now = now;
        }
        expect((await over(2))[1]?.error?.message).to.match(/not trusted: CERT_HAS_EXPIRED$/);
      });
    });
  }

  it('are named in options that make sense', () => {
    const given = { protocol: line, certificate: alice };
    const senseless: [Partial<ServerOptions>, RegExp][] = [
      [{ crl: [] }, /crl needs ca$/],
      [{ clientSubjects: ['a'] }, /clientSubjects needs clientCertificate "require"$/],
      [{ clientSubjects: [], clientCertificate: 'require', ca: authority.cert }, /must not be empty$/],
      [{ clientSubjects: [''], clientCertificate: 'require', ca: authority.cert }, /must not be empty$/],
    ];
    for (const [options, message] of senseless) {
      expect(() => createServer({ ...given, ...options })).to.throw(message);
    }
  });
});
