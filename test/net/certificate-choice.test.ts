import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { ldap } from '../../protocol/ldap.ts';
import { smtp } from '../../protocol/smtp.ts';
import { xmpp } from '../../protocol/xmpp.ts';
import { CertificateChoice } from '../../src/net/certificate-choice.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';
import { testCertificates } from '../support/certificates.ts';
import { removeFolders } from '../support/folder.ts';
import { opensslCertificate } from '../support/openssl-certificate.ts';
import { sClient } from '../support/s-client.ts';
import { serving, stopServing } from '../support/serving.ts';
import { greeted, underTls } from '../support/speak.ts';

describe('src/net/certificate-choice', () => {
  let first: Certificate;
  let wild: Certificate;
  let exact: Certificate;
  let addressed: Certificate;
  let idn: Certificate;

  before(async () => {
    const { authority } = await testCertificates();
    const named = (commonName: string, ...names: string[]) =>
      issueCertificate({ commonName, days: 2, names }, authority);
    first = await named('first', 'first.example.org');
    wild = await named('wild', '*.example.org', 'first.example.org');
    exact = await named('exact', 'mail.example.org');
    addressed = await named('addressed', '192.0.2.1', '2001:db8::1');
    idn = await named('idn', 'xn--bcher-kva.example');
  });

  describe('by names', () => {
    const cases: [string, () => Certificate | undefined][] = [
      ['mail.example.org', () => exact],
      ['MAIL.Example.ORG', () => exact],
      ['mail.example.org.', () => exact],
      ['first.example.org', () => first],
      ['other.example.org', () => wild],
      ['two.labels.example.org', () => undefined],
      ['example.org', () => undefined],
      ['wild', () => undefined],
      ['192.0.2.1', () => addressed],
      ['2001:db8::1', () => addressed],
      ['[2001:0DB8:0::1]', () => addressed],
      ['b\xc3\xbccher.example', () => idn],
      ['__proto__', () => undefined],
      ['constructor', () => undefined],
      ['', () => undefined],
      ['.', () => undefined],
      ['..', () => undefined],
      ['*', () => undefined],
      ['a b\0\x1b', () => undefined],
      [`${'a'.repeat(63)}.`.repeat(4), () => undefined],
      ['x'.repeat(65_535), () => undefined],
    ];
    for (const [name, expected] of cases) {
      it(`finds what is right for ${JSON.stringify(name.slice(0, 40))}`, () => {
        const choice = new CertificateChoice([first, wild, exact, addressed, idn]);
        expect(choice.for(name)?.[0]).to.equal(expected());
      });
    }

    it('refuses what is no certificate', () => {
      expect(() => new CertificateChoice([{ cert: 'nothing', key: '' }])).to.throw('Bad certificate');
    });
  });

  describe('towards openssl s_client', () => {
    afterEach(stopServing);

    async function subject(port: number, ...args: readonly string[]): Promise<string | undefined> {
      const { stdout, stderr } = await sClient(port, ...args);
      expect(stderr).to.contain('CN = ');
      return /^subject=CN = (\S+)$/m.exec(stdout)?.[1];
    }

    for (const version of ['-tls1_2', '-tls1_3']) {
      it(`goes by SNI, else by the first one (${version})`, async () => {
        const options = { tls: 'implicit', certificate: first, certificates: [wild, exact] } as const;
        const { port } = await serving(ldap, options);
        const names: [string[], string][] = [
          [['-servername', 'mail.example.org'], 'exact'],
          [['-servername', 'MAIL.example.org'], 'exact'],
          [['-servername', 'news.example.org'], 'wild'],
          [['-servername', 'mail.example.org.'], 'exact'],
          [['-servername', '192.0.2.1'], 'first'],
          [['-servername', '__proto__'], 'first'],
          [['-servername', `${'a.'.repeat(127)}a`], 'first'],
          [['-noservername'], 'first'],
        ];
        for (const [args, expected] of names)
          expect(await subject(port, version, ...args)).to.equal(expected);
      });
    }

    it('goes by the SNI, else by what xmpp says in `to`, else by the first one', async () => {
      const { port } = await serving(xmpp, { certificate: first, certificates: [wild, exact] });
      const stream = (host: string) => ['-starttls', 'xmpp', '-xmpphost', host];
      const named: [string[], string][] = [
        [[...stream('mail.example.org'), '-noservername'], 'exact'],
        [[...stream('news.example.org.'), '-noservername'], 'wild'],
        [[...stream('nowhere.example'), '-noservername'], 'first'],
        [[...stream('mail.example.org'), '-servername', 'first.example.org'], 'first'],
        [[...stream('mail.example.org'), '-servername', 'nowhere.example'], 'exact'],
      ];
      for (const [args, expected] of named) expect(await subject(port, ...args)).to.equal(expected);
    });
  });

  describe('where there are ECDSA and RSA', () => {
    let rsa: Certificate;
    let otherRsa: Certificate;
    let intermediate: Certificate;

    before(async () => {
      const { authority } = await testCertificates();
      intermediate = await opensslCertificate(
        { commonName: 'intermediate', extensions: ['basicConstraints=critical,CA:TRUE'] },
        authority,
      );
      const names = ['first.example.org', 'www.example.org'];
      const leaf = await opensslCertificate({ commonName: 'first-rsa', names, key: 'rsa' }, intermediate);
      rsa = { ...leaf, cert: leaf.cert + intermediate.cert };
      otherRsa = await opensslCertificate(
        { commonName: 'other-rsa', names: ['other.example.org'], key: 'rsa' },
        authority,
      );
    });
    after(removeFolders);
    afterEach(stopServing);

    it('has those of one name side by side, whatever stands between them', () => {
      const choice = new CertificateChoice([first, wild, otherRsa, rsa]);
      expect(choice.preset).to.deep.equal([first, rsa]);
      expect(choice.for('first.example.org')).to.equal(choice.preset);
      expect(choice.for('www.example.org')).to.deep.equal([rsa]);
      expect(choice.for('other.example.org')).to.deep.equal([otherRsa]);
      expect(choice.for('news.example.org')).to.deep.equal([wild]);
      expect(choice.sets.length).to.equal(4);
      expect(new CertificateChoice([rsa, first]).preset).to.deep.equal([rsa]);
    });

    const ecdsaOnly = {
      '-tls1_2': ['-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
      '-tls1_3': ['-sigalgs', 'ecdsa_secp256r1_sha256'],
    };
    const rsaOnly = {
      '-tls1_2': ['-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'],
      '-tls1_3': ['-sigalgs', 'rsa_pss_rsae_sha256'],
    };
    for (const version of ['-tls1_2', '-tls1_3'] as const) {
      it(`lets the client's ciphers and signature algorithms choose, with the chain of each (${version})`, async () => {
        const options = { tls: 'implicit', certificate: first, certificates: [rsa, exact] } as const;
        const { port } = await serving(ldap, options);
        for (const name of ['first.example.org', 'nowhere.example']) {
          const reached = async (args: readonly string[]) => {
            const { stdout } = await sClient(port, version, '-servername', name, '-showcerts', ...args);
            return [...stdout.matchAll(/^ \d s:CN = (\S+)$/gm)].map(([, subject]) => subject);
          };
          expect(await reached([])).to.deep.equal(['first']);
          expect(await reached(ecdsaOnly[version])).to.deep.equal(['first']);
          expect(await reached(rsaOnly[version])).to.deep.equal(['first-rsa', 'intermediate']);
        }
      });

      it(`gives nobody the certificate of another name for the sake of its key (${version})`, async () => {
        for (const [certificate, other] of [
          [first, otherRsa],
          [otherRsa, first],
        ] as const) {
          const { port } = await serving(ldap, { tls: 'implicit', certificate, certificates: [other] });
          const name = other === first ? 'first' : 'other';
          const common = other === first ? 'first' : 'other-rsa';
          const refused = other === first ? rsaOnly : ecdsaOnly;
          const asking = ['-servername', `${name}.example.org`, version];
          expect(/^subject=CN = (\S+)$/m.exec((await sClient(port, ...asking)).stdout)?.[1]).to.equal(common);
          const { stdout } = await sClient(port, ...asking, ...refused[version]);
          expect(stdout).to.not.contain('subject=CN');
        }
      });
    }

    it('refuses a key of one kind with a certificate of another', async () => {
      const wrong = { cert: first.cert, key: rsa.key };
      const refused = await serving(smtp, { certificate: rsa, certificates: [wrong] }).catch(error => error);
      expect(refused).to.include({ code: 'ERR_CERTIFICATE' });
    });
  });

  describe('over sockets', () => {
    afterEach(stopServing);

    // The client checks the name as well.
    for (const protocol of protocols) {
      it(`is made for ${protocol.name} after an upgrade`, async () => {
        const { connect } = await serving(protocol, { certificate: first, certificates: [exact] }, session =>
          session.writeLine('here'),
        );
        const { authority } = await testCertificates();
        const client = await underTls(await connect(), protocol, {
          ca: authority.cert,
          servername: 'mail.example.org',
        });
        await client.until('here\r\n');
      });
    }

    it('asks for the same client certificates, whichever is chosen', async () => {
      const { authority, client: alice, strangerClient } = await testCertificates();
      const trust = { ca: authority.cert, clientCertificate: 'require' } as const;
      const { connect, over } = await serving(
        smtp,
        { certificate: first, certificates: [exact], ...trust },
        session => session.writeLine(`here ${session.tls?.clientCertificate?.verified}`),
      );
      for (const servername of ['first.example.org', 'mail.example.org']) {
        const known = await underTls(await connect(), smtp, { ...alice, servername });
        await known.until('here true\r\n');
        known.destroy();
        const stranger = await connect();
        await greeted(stranger, smtp);
        stranger.say('STARTTLS\r\n');
        await stranger.until(/^220 .*\r\n/);
        await stranger.startTls({ ...strangerClient, servername }).catch(() => undefined);
        await stranger.end();
        stranger.destroy();
      }
      const codes = (await over(4)).map(({ error }) => error?.code).filter(code => code !== undefined);
      expect(codes).to.deep.equal(['ERR_HANDSHAKE_CERTIFICATE', 'ERR_HANDSHAKE_CERTIFICATE']);
    });

    it('never takes a certificate that OpenSSL does not, wherever it stands', async () => {
      const { server, client } = await testCertificates();
      const wrong = { cert: server.cert, key: client.key };
      for (const options of [
        { certificate: wrong, certificates: [] },
        { certificate: server, certificates: [wrong] },
      ]) {
        const refused = await serving(smtp, options).catch(error => error);
        expect(refused).to.include({ code: 'ERR_CERTIFICATE' });
      }
    });
  });
});
