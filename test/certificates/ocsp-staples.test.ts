import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { imap } from '../../protocol/imap.ts';
import { ldap } from '../../protocol/ldap.ts';
import { postgres } from '../../protocol/postgres.ts';
import { smtp } from '../../protocol/smtp.ts';
import { CertificateStore } from '../../src/certificates/certificate-store.ts';
import { HeldStaple, type StapleSurroundings } from '../../src/certificates/held-staple.ts';
import { OcspStaples } from '../../src/certificates/ocsp-staples.ts';
import { staplingFacts } from '../../src/certificates/stapling-facts.ts';
import type { Log } from '../../src/log.ts';
import type { Certificate } from '../../src/options.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { type Manner, OcspResponder } from '../support/ocsp-responder.ts';
import { opensslCertificate } from '../support/openssl-certificate.ts';
import { sClient } from '../support/s-client.ts';
import { serving, stopServing } from '../support/serving.ts';

const HOUR = 3_600_000;
const NAMES = ['localhost'];

describe('src/certificates: OCSP responses', () => {
  let authority: Certificate;
  let stranger: Certificate;
  let delegate: Certificate;
  let pretender: Certificate;
  let responder: OcspResponder;
  let leaf: Certificate;
  let other: Certificate;

  before(async () => {
    authority = await opensslCertificate({ commonName: 'authority' });
    stranger = await opensslCertificate({ commonName: 'authority' });
    const signing = { commonName: 'responder', extensions: ['extendedKeyUsage=OCSPSigning'] };
    delegate = await opensslCertificate(signing, authority);
    pretender = await opensslCertificate({ commonName: 'responder' }, authority);
    responder = await OcspResponder.start(authority);
    leaf = await issued('leaf');
    other = await issued('other');
  });
  after(async () => {
    responder.stop();
    await removeFolders();
  });

  /** With its issuer behind it. */
  async function issued(commonName: string, ...extensions: readonly string[]): Promise<Certificate> {
    const aia = `authorityInfoAccess=OCSP;URI:${responder.url}`;
    const request = { commonName, names: NAMES, extensions: [aia, ...extensions] };
    const { cert, key } = await opensslCertificate(request, authority);
    return { cert: cert + authority.cert, key };
  }

  const told: string[] = [];
  let now = Date.now();
  beforeEach(() => {
    told.splice(0);
    now = Date.now();
    responder.manner = 'V';
  });
  afterEach(stopServing);

  const log: Log = {
    debug: () => undefined,
    info: (_fields: object, message: string) => void told.push(`info: ${message}`),
    warn: (_fields: object, message: string) => void told.push(`warn: ${message}`),
    error: (_fields: object, message: string) => void told.push(`error: ${message}`),
  };

  function held(certificate: Certificate = leaf, more: Partial<StapleSurroundings> = {}): HeldStaple {
    const surroundings = { log, clock: () => now, timeout: 10_000, retry: 15_000, ...more };
    return new HeldStaple('leaf.pem', staplingFacts(certificate), surroundings);
  }

  async function refreshed(manner: Manner, staple = held()): Promise<HeldStaple> {
    responder.manner = manner;
    await staple.refresh();
    return staple;
  }

  describe('one', () => {
    it('is taken, in use until it ends, and asked for anew at about half of its time', async () => {
      const staple = await refreshed('V');
      expect(staple.status).to.deep.include({ state: 'stapled', error: undefined, fetches: 1, failures: 0 });
      expect(staple.response?.[0]).to.equal(0x30);
      expect(staple.due - now).to.be.within(0.35 * HOUR, 0.65 * HOUR);
      now += 2 * HOUR;
      expect(staple.response).to.equal(undefined);
      expect(staple.status).to.include({ state: 'missing', expires: undefined });
      expect(told).to.deep.equal([]);
    });

    it('may be signed by whom the issuer has made its responder', async () => {
      expect((await refreshed({ signer: delegate })).status).to.include({ state: 'stapled' });
    });

    const silent: Manner = { answer: () => undefined };
    const faults: [string, () => Manner, RegExp][] = [
      ['a status of 500', () => ({ answer: failing }), /status 500/],
      ['no OCSP at all', () => ({ answer: () => Buffer.from('<html>') }), /no OCSP response$/],
      ['nothing', () => ({ answer: () => Buffer.alloc(0) }), /no OCSP response$/],
      ['half of it', () => ({ answer: good => good.subarray(0, 100) }), /no OCSP response$/],
      ['more than it', () => ({ answer: good => Buffer.concat([good, good]) }), /no OCSP response$/],
      ['a page that never ends', () => ({ answer: () => Buffer.alloc(1_000_000) }), /longer than 65536/],
      ['a change in what is signed', () => ({ answer: spoilt }), /its signature is wrong/],
      ['"try later"', () => ({ answer: () => Buffer.from('30030a0103', 'hex') }), /says tryLater/],
      ['another certificate', () => ({ about: other }), /about another certificate/],
      ['the key of a stranger of the same name', () => ({ signer: stranger }), /its signature is wrong/],
      ['a certificate that is for something else', () => ({ signer: pretender }), /somebody who may not/],
      ['that it does not know the certificate', () => 'unknown', /does not know the certificate/],
    ];
    for (const [what, manner, reason] of faults) {
      it(`is not taken from a responder that answers with ${what}, and what was there stays`, async () => {
        const staple = await refreshed('V');
        const before = staple.response;
        await refreshed(manner(), staple);
        expect(staple.status.error).to.include({ code: 'ERR_OCSP' });
        expect(staple.status.error?.message).to.match(reason);
        expect(staple.status).to.include({ state: 'stapled', fetches: 2, failures: 1 });
        expect(staple.response).to.equal(before);
        expect(told).to.deep.equal(['warn: no new OCSP response']);
      });
    }

    it('is not waited for longer than its time, nor where nobody listens', async () => {
      const late = await refreshed(silent, held(leaf, { timeout: 300 }));
      expect(late.status.error?.message).to.contain('no answer within 300 ms');
      const closed = createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const address = closed.address();
      closed.close();
      const port = typeof address === 'object' ? address?.port : undefined;
      const extensions = [`authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/`];
      const { cert, key } = await opensslCertificate({ commonName: 'gone', extensions }, authority);
      const gone = held({ cert: cert + authority.cert, key });
      await gone.refresh();
      expect(gone.status.error?.message).to.contain('it cannot be reached (ECONNREFUSED)');
    });

    it('is not taken out of its time', async () => {
      now += 2 * HOUR;
      expect((await refreshed('V')).status.error?.message).to.contain('out of date');
      now -= 3 * HOUR;
      expect((await refreshed('V')).status.error?.message).to.contain('of the future');
      now += HOUR - 200_000;
      expect((await refreshed('V')).status.error).to.equal(undefined);
    });

    it('is asked for less and less often while there is none, and that is told once', async () => {
      const staple = held();
      const pauses: number[] = [];
      for (let failures = 0; failures < 12; failures += 1) {
        await refreshed({ answer: () => Buffer.alloc(0) }, staple);
        pauses.push((staple.due - now) / 15_000);
      }
      for (const [index, pause] of pauses.entries()) {
        const usual = Math.min(2 ** index, 240);
        expect(pause).to.be.within(0.75 * usual, 1.25 * usual);
      }
      await refreshed('V', staple);
      expect(told).to.deep.equal(['warn: no OCSP response', 'info: OCSP response is there again']);
    });

    it('says that the certificate is revoked: nobody gets it, nor the one from before', async () => {
      const staple = await refreshed('V');
      await refreshed('R', staple);
      await refreshed('R', staple);
      expect(staple.response).to.equal(undefined);
      expect(staple.status).to.include({ state: 'revoked', failures: 0 });
      await refreshed('unknown', staple);
      expect(staple.status).to.include({ state: 'revoked', failures: 1 });
      expect(told).to.deep.equal(['error: certificate is revoked']);
      await refreshed('V', staple);
      expect(staple.status).to.include({ state: 'stapled' });
    });

    it('is an error to miss where clients insist on it', async () => {
      const staple = held(await issued('must', 'tlsfeature=status_request'));
      expect(staple.status.mustStaple).to.equal(true);
      await refreshed('unknown', staple);
      expect(told).to.deep.equal(['error: certificate must be stapled, and there is no OCSP response']);
      const extensions = ['tlsfeature=status_request'];
      held(await opensslCertificate({ commonName: 'nobody', extensions }, authority));
      expect(told[1]).to.equal('warn: certificate must be stapled, and names no OCSP responder');
    });

    it('cannot be had without the issuer behind the certificate', async () => {
      const [alone = ''] = leaf.cert.split(authority.cert);
      const staple = held({ ...leaf, cert: alone });
      await staple.refresh();
      expect(staple.able).to.equal(false);
      expect(staple.status).to.include({ state: 'missing', fetches: 0, responder: undefined });
      expect(told).to.deep.equal(['warn: no OCSP response without the issuer in the chain']);
    });
  });

  it('are asked for by who holds them, at the start and for what is new', async () => {
    const staples = new OcspStaples({ log });
    const asked = responder.asked;
    staples.keep([{ file: 'leaf.pem', certificate: leaf }]);
    staples.start();
    await responder.answered(asked + 1);
    const both = [leaf, other].map(certificate => ({ file: 'a.pem', certificate }));
    staples.keep(both);
    await responder.answered(asked + 2);
    expect(staples.able).to.equal(true);
    staples.keep([]);
    staples.stop();
    expect(staples.for(leaf)).to.equal(undefined);
  });

  describe('of one that clients refuse without it', () => {
    it('is waited for so long and no longer, and those of before stay', async () => {
      const must = await issued('must', 'tlsfeature=status_request');
      const staples = new OcspStaples({ log, patience: 100, timeout: 1000 });
      const asked = responder.asked;
      responder.manner = { answer: () => undefined };
      staples.keep([{ file: 'leaf.pem', certificate: leaf }]);
      staples.start();
      await staples.prepare([{ file: 'must.pem', certificate: must }]);
      staples.stop();
      expect(told).to.include('warn: certificate that must be stapled is used without OCSP response');
      const failed = () => [leaf, must].every(each => staples.status(each)?.failures === 1);
      while (!failed()) await new Promise(setImmediate);
      await responder.answered(asked + 2);
    });

    it('is not waited for where it is new, but nobody asks yet, or nobody insists', async () => {
      const asked = responder.asked;
      const staples = new OcspStaples({ log });
      await staples.prepare([{ file: 'leaf.pem', certificate: leaf }]);
      staples.start();
      await staples.prepare([{ file: 'leaf.pem', certificate: leaf }]);
      staples.stop();
      expect(responder.asked).to.equal(asked);
    });
  });

  describe('of a store', () => {
    async function stored(options: { readonly ocsp?: boolean }, pair = leaf) {
      const folder = await folderWith();
      const [cert, key] = [join(folder, 'a.pem'), join(folder, 'a.key')];
      const write = async (renewed: Certificate) => {
        await writeFile(cert, renewed.cert);
        await writeFile(key, renewed.key);
      };
      await write(pair);
      const store = await CertificateStore.open({ sources: [{ cert, key }], log, ...options });
      return Object.assign(store, { write });
    }

    it('is there before a renewed certificate that clients refuse without it', async () => {
      const store = await stored({});
      const must = await issued('must', 'tlsfeature=status_request');
      const asked = responder.asked;
      store.watch();
      await responder.answered(asked + 1);
      while (store.current.staples?.for(leafIn(store)) === undefined) await new Promise(setImmediate);
      const before = leafIn(store);
      let meanwhile: unknown;
      responder.manner = {
        answer: good => {
          meanwhile = [leafIn(store) === before, store.current.staples?.for(before) !== undefined];
          return good;
        },
      };
      await store.write(must);
      await store.check();
      expect(meanwhile).to.deep.equal([true, true]);
      expect(leafIn(store)).to.not.equal(before);
      expect(store.current.staples?.for(leafIn(store))?.[0]).to.equal(0x30);
      expect(store.list[0]?.ocsp).to.include({ state: 'stapled', mustStaple: true });
      expect(told).to.include('info: certificate renewed');
      expect(told.filter(line => line.includes('staple'))).to.deep.equal([]);
      await store.close();
    });

    it('cannot be had, and a renewed certificate is used all the same', async () => {
      const store = await stored({});
      const asked = responder.asked;
      responder.manner = { answer: failing };
      store.watch();
      await responder.answered(asked + 1);
      await store.write(await issued('must', 'tlsfeature=status_request'));
      await store.check();
      expect(store.list[0]?.ocsp).to.include({ state: 'missing', mustStaple: true });
      expect(told.filter(line => line.includes('must'))).to.deep.equal([
        'error: certificate must be stapled, and there is no OCSP response',
        'warn: certificate that must be stapled is used without OCSP response',
      ]);
      await store.close();
    });

    it('are not asked for unless they are wanted, nor before it watches', async () => {
      const asked = responder.asked;
      const without = await stored({ ocsp: false });
      without.watch();
      expect(without.current.staples).to.equal(undefined);
      expect(without.list[0]?.ocsp).to.equal(undefined);
      await without.close();
      const store = await stored({});
      expect(store.list[0]?.ocsp).to.include({ state: 'missing', fetches: 0, responder: responder.url });
      await store.close();
      expect(responder.asked).to.equal(asked);
    });

    it('are what openssl s_client finds good, after every kind of upgrade', async () => {
      const store = await stored({});
      const asked = responder.asked;
      store.watch();
      await responder.answered(asked + 1);
      while (store.current.staples?.for(leaf) === undefined) await new Promise(setImmediate);
      expect(await store.check()).to.equal(false);
      const root = join(await folderWith({ 'ca.pem': authority.cert }), 'ca.pem');
      for (const protocol of [smtp, imap, postgres, ldap]) {
        const { port } = await serving(protocol, store.current);
        for (const version of ['-tls1_2', '-tls1_3']) {
          const args = ['-starttls', protocol.name, '-status', version, '-CAfile', root];
          const { stdout } = await sClient(port, ...args);
          expect(stdout, protocol.name).to.contain('OCSP Response Status: successful (0x0)');
          expect(stdout).to.contain('Cert Status: good');
        }
      }
      await store.close();
    });
  });
});

function leafIn({ current: { certificate } }: CertificateStore): Certificate {
  return certificate;
}

/** Of the signed part, the last byte of a time. */
function spoilt(good: Buffer): Buffer {
  const bytes = Buffer.from(good);
  const at = bytes.indexOf('Z', 0, 'latin1') - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

function failing(good: Buffer, response: ServerResponse): Buffer {
  response.statusCode = 500;
  return good;
}
