import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import type * as tls from 'node:tls';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { ldap } from '../../protocol/ldap.ts';
import { smtp } from '../../protocol/smtp.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { suitedTo } from '../../src/net/suited-certificate.ts';
import type { Certificate, StapleSource } from '../../src/options.ts';
import { removeFolders } from '../support/folder.ts';
import { opensslCertificate } from '../support/openssl-certificate.ts';
import { serving, stopServing } from '../support/serving.ts';
import { atGoAhead } from '../support/speak.ts';
import type { WireClient } from '../support/wire-client.ts';

/** Not in the types, where Node 20 has documented it all along. */
const ASKING: object = { requestOCSP: true };

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** What stands in the place of a response: a server does not look into it. */
class Words implements StapleSource {
  readonly #words = new Map<Certificate, string>();

  set(certificate: Certificate, word: string | undefined): this {
    if (word === undefined) this.#words.delete(certificate);
    else this.#words.set(certificate, word);
    return this;
  }

  for(certificate: Certificate): Uint8Array | undefined {
    const word = this.#words.get(certificate);
    return word === undefined ? undefined : Buffer.from(word);
  }
}

/** Turns TLS on; says what was stapled, and whose certificate was shown. */
async function staple(client: WireClient, options: tls.ConnectionOptions = {}): Promise<[string, string]> {
  const secured = client.startTls({ ...ASKING, ...options });
  // Node tells of it before the end of the handshake, and once, also where there is none.
  const told = once(client.socket, 'OCSPResponse');
  const secure = await secured;
  const [response]: Buffer[] = await told;
  return [String(response ?? ''), String(secure.getPeerCertificate().subject.CN)];
}

describe('src/net: OCSP responses, stapled', () => {
  let ecdsa: Certificate;
  let rsa: Certificate;
  let other: Certificate;

  before(async () => {
    const names = ['localhost'];
    ecdsa = await issueCertificate({ commonName: 'ecdsa', days: 2, names });
    rsa = await opensslCertificate({ commonName: 'rsa', names, key: 'rsa' });
    other = await issueCertificate({ commonName: 'other', days: 2, names: ['other.example.org'] });
  });
  after(removeFolders);
  afterEach(stopServing);

  for (const protocol of protocols) {
    it(`come with the handshake after an upgrade in ${protocol.name}, to who asks`, async () => {
      const staples = new Words().set(ecdsa, 'that of ecdsa');
      const { connect } = await serving(protocol, { certificate: ecdsa, staples });
      for (const minVersion of VERSIONS) {
        const client = await atGoAhead(await connect(), protocol);
        const options = { minVersion, maxVersion: minVersion };
        expect(await staple(client, options)).to.deep.equal(['that of ecdsa', 'ecdsa']);
      }
      await (await atGoAhead(await connect(), protocol)).startTls();
    });
  }

  for (const policy of ['implicit', 'auto'] as const) {
    it(`come where TLS comes first (${policy})`, async () => {
      const staples = new Words().set(ecdsa, 'that of ecdsa');
      const { connect } = await serving(smtp, { tls: policy, certificate: ecdsa, staples });
      expect(await staple(await connect())).to.deep.equal(['that of ecdsa', 'ecdsa']);
    });
  }

  it('are those of the certificate that the name in the SNI has', async () => {
    const staples = new Words().set(ecdsa, 'that of ecdsa').set(other, 'that of other');
    const options = { tls: 'implicit', certificate: ecdsa, certificates: [other], staples } as const;
    const { connect } = await serving(ldap, options);
    const named = async (servername: string) => staple(await connect(), { servername });
    expect(await named('other.example.org')).to.deep.equal(['that of other', 'other']);
    expect(await named('localhost')).to.deep.equal(['that of ecdsa', 'ecdsa']);
  });

  it('may be there or not at each handshake, and no handshake fails for it', async () => {
    const staples = new Words();
    const { connect } = await serving(ldap, { tls: 'implicit', certificate: ecdsa, staples });
    expect(await staple(await connect())).to.deep.equal(['', 'ecdsa']);
    staples.set(ecdsa, 'now');
    expect(await staple(await connect())).to.deep.equal(['now', 'ecdsa']);
    staples.set(ecdsa, undefined);
    expect(await staple(await connect())).to.deep.equal(['', 'ecdsa']);
  });

  it('are those of another source once TLS has been replaced', async () => {
    const { connect, server } = await serving(ldap, { tls: 'implicit', certificate: ecdsa });
    for (const word of ['one', 'two', undefined]) {
      const staples = word === undefined ? {} : { staples: new Words().set(ecdsa, word) };
      server.replaceTls({ certificate: ecdsa, ...staples });
      expect(await staple(await connect())).to.deep.equal([word ?? '', 'ecdsa']);
    }
  });

  it('are not missed by who comes back with a ticket', async () => {
    const staples = new Words().set(ecdsa, 'that of ecdsa').set(rsa, 'that of rsa');
    const options = { tls: 'implicit', certificate: ecdsa, certificates: [rsa], staples } as const;
    const { connect } = await serving(ldap, options, session => session.writeLine('here'));
    for (const maxVersion of VERSIONS) {
      const first = await connect();
      const secure = await first.startTls({ ...ASKING, maxVersion });
      await first.until('here');
      const again = await connect();
      const session = secure.getSession();
      if (session === undefined) throw new Error('no session');
      const resumed = await again.startTls({ ...ASKING, maxVersion, session });
      expect(resumed.isSessionReused(), maxVersion).to.equal(true);
      await again.until('here');
    }
  });

  describe('where there are ECDSA and RSA', () => {
    const both: [string, tls.ConnectionOptions, 'ecdsa' | 'rsa'][] = VERSIONS.flatMap(maxVersion => [
      [`${maxVersion}, all`, { maxVersion }, 'ecdsa'],
      [`${maxVersion}, ECDSA`, { maxVersion, sigalgs: 'ecdsa_secp256r1_sha256' }, 'ecdsa'],
      [`${maxVersion}, RSA`, { maxVersion, sigalgs: 'rsa_pss_rsae_sha256' }, 'rsa'],
    ]);
    for (const [what, options, expected] of both) {
      it(`are those of the certificate that is shown (${what})`, async () => {
        const staples = new Words().set(ecdsa, 'that of ecdsa').set(rsa, 'that of rsa');
        for (const [certificate, beside] of [
          [ecdsa, rsa],
          [rsa, ecdsa],
        ] as const) {
          const given = { certificate, certificates: [beside], staples };
          const { connect } = await serving(smtp, given);
          const client = await atGoAhead(await connect(), smtp);
          expect(await staple(client, options)).to.deep.equal([`that of ${expected}`, expected]);
        }
      });
    }

    it('are those of RSA for a client that has another curve, and only before TLS 1.3', async () => {
      const staples = new Words().set(ecdsa, 'that of ecdsa').set(rsa, 'that of rsa');
      const options = { tls: 'implicit', certificate: ecdsa, certificates: [rsa], staples } as const;
      const { connect } = await serving(ldap, options);
      const met = async (maxVersion: tls.SecureVersion) => {
        const [response] = await staple(await connect(), { maxVersion, ecdhCurve: 'P-384' });
        return response;
      };
      expect(await met('TLSv1.2')).to.equal('that of rsa');
      expect(await met('TLSv1.3')).to.equal('that of ecdsa');
    });

    it('are left out where the ClientHello does not tell which it will be', () => {
      const judges = {
        versions: [0x0304],
        suites: [0x1301],
        groups: [23],
        signatures: [0x0403, 0x0804],
        particular: false,
      };
      const set = [rsa, ecdsa];
      expect(suitedTo(judges, set)).to.equal(ecdsa);
      expect(suitedTo({ ...judges, particular: true }, set)).to.equal(undefined);
      expect(suitedTo({ ...judges, signatures: [] }, set)).to.equal(undefined);
      expect(suitedTo({ ...judges, versions: [] }, set)).to.equal(undefined);
    });
  });
});
