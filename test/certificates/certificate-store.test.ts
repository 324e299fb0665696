import { once } from 'node:events';
import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import type { CertificateSource } from '../../src/certificates/certificate-source.ts';
import { CertificateStore, type CertificateStoreOptions } from '../../src/certificates/certificate-store.ts';
import type { Log } from '../../src/log.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';
import { testCertificates } from '../support/certificates.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { visit } from '../support/returning-client.ts';
import { opensslRevocationList } from '../support/revocation-list.ts';
import { serving, stopServing } from '../support/serving.ts';

const DAY = 86_400_000;

describe('src/certificates/certificate-store', () => {
  let first: Certificate;
  let second: Certificate;
  let authority: Certificate;
  const stores: CertificateStore[] = [];

  before(async () => {
    ({ authority } = await testCertificates());
    const request = { commonName: 'a', days: 30, names: ['a.example.org', '127.0.0.1'] };
    first = await issueCertificate(request, authority);
    second = await issueCertificate({ ...request, commonName: 'b', days: 60 }, authority);
  });
  afterEach(async () => {
    await stopServing();
    await Promise.all(stores.splice(0).map(store => store.close()));
  });
  after(removeFolders);

  const messages: string[] = [];
  beforeEach(() => messages.splice(0));
  const said = (_fields: object, message: string) => void messages.push(message);
  const log: Log = { debug: said, info: said, warn: said, error: said };

  async function opened(
    sources: readonly CertificateSource[],
    options: Partial<CertificateStoreOptions> = {},
  ): Promise<CertificateStore> {
    const store = await CertificateStore.open({ sources, log, ...options });
    stores.push(store);
    return store;
  }

  /** A folder with one pair; what writes it anew; and the store over the two files. */
  async function onePair(options: Partial<CertificateStoreOptions> = {}) {
    const folder = await folderWith({ 'a.pem': first.cert, 'a.key': first.key });
    const [cert, key] = [join(folder, 'a.pem'), join(folder, 'a.key')];
    const write = async (pair: Partial<Certificate>) => {
      if (pair.cert !== undefined) await writeFile(cert, pair.cert);
      if (pair.key !== undefined) await writeFile(key, pair.key);
    };
    return { folder, cert, key, write, store: await opened([{ cert, key }], options) };
  }

  it('gives what a server takes, and says what it is', async () => {
    const now = Date.now();
    const { store, cert, key } = await onePair({ clock: () => now });
    expect(store.current).to.deep.equal({ certificate: first, certificates: [] });
    const [status] = store.list;
    expect(status).to.deep.include({ file: cert, keyFile: key, error: undefined, renewals: 0, refusals: 0 });
    expect(status?.names).to.deep.equal(['a.example.org', '127.0.0.1']);
    expect(status?.daysLeft).to.equal(29);
    expect((status?.notAfter?.getTime() ?? 0) - now).to.be.within(29 * DAY, 30 * DAY);
    expect(await store.check()).to.equal(false);
    expect(messages).to.deep.equal([]);
  });

  it('takes a renewed pair, and tells so', async () => {
    const { store, write } = await onePair();
    const changed: string[] = [];
    store.on('changed', () => changed.push(store.current.certificate.cert));
    store.on('renewed', ({ names, renewals }) => changed.push(`${names[0]} ${renewals}`));
    await write(second);
    expect(await store.check()).to.equal(true);
    expect(changed).to.deep.equal(['a.example.org 1', second.cert]);
    expect(messages).to.deep.equal(['certificate renewed']);
  });

  const bad: [string, () => Partial<Certificate>, RegExp][] = [
    ['a certificate whose key is not there yet', () => ({ cert: second.cert }), /a\.key: not the key of/],
    ['an empty file', () => ({ cert: '' }), /a\.pem: is empty$/],
    ['half a certificate', () => ({ cert: second.cert.slice(0, 300) }), /a\.pem: holds no PEM certificate$/],
    ['an empty key', () => ({ key: '' }), /a\.key: is empty$/],
  ];
  for (const [what, pair, reason] of bad) {
    it(`keeps the last good one instead of ${what}, and says so once`, async () => {
      const { store, write } = await onePair();
      const refused: string[] = [];
      store.on('refused', (error, certificate) => refused.push(`${certificate?.refusals} ${error.message}`));
      await write(pair());
      expect(await store.check()).to.equal(false);
      expect(await store.check()).to.equal(false);
      expect(refused).to.have.length(1);
      expect(refused[0]).to.match(reason).and.match(/^1 /);
      expect(messages).to.deep.equal(['certificate refused']);
      expect(store.current.certificate).to.deep.equal(first);
      expect(store.list[0]).to.deep.include({ refusals: 1, renewals: 0 });
      expect(store.list[0]?.error?.message).to.match(reason);
      await write(first);
      expect(await store.check()).to.equal(false);
      expect(store.list[0]?.error).to.equal(undefined);
      await write(second);
      expect(await store.check()).to.equal(true);
    });
  }

  it('keeps the last good one while a file is gone, and forgives when it is back', async () => {
    const { store, key, write } = await onePair();
    await unlink(key);
    await store.check();
    expect(store.list[0]?.error?.message).to.match(/a\.key: cannot be read \(ENOENT\)$/);
    await write(first);
    await store.check();
    expect(store.list[0]?.error).to.equal(undefined);
    expect(messages).to.deep.equal(['certificate refused']);
  });

  it('counts an expired one that comes as a renewal for a bad one', async () => {
    const { expiredServer } = await testCertificates();
    const { store, write } = await onePair();
    await write(expiredServer);
    expect(await store.check()).to.equal(false);
    expect(store.list[0]?.error?.message).to.match(/a\.pem: expired on /);
  });

  it('warns some days before a certificate expires, once a day, and when it has', async () => {
    let now = Date.now();
    const { store } = await onePair({ warnDays: 10, clock: () => now });
    const left: (number | undefined)[] = [];
    store.on('expiring', ({ daysLeft }) => left.push(daysLeft));
    for (const days of [15, 5, 0, 1, 0, 20]) {
      now += days * DAY;
      await store.check();
    }
    expect(left).to.deep.equal([9, 8, -12]);
    expect(messages).to.deep.equal([
      'certificate expires soon',
      'certificate expires soon',
      'certificate has expired',
    ]);
  });

  describe('of a directory', () => {
    it('takes pairs that come, lets go of those that leave, and keeps those that are half there', async () => {
      const folder = await folderWith({ 'a.pem': first.cert, 'a.key': first.key });
      const store = await opened([{ directory: folder }]);
      await writeFile(join(folder, 'b.pem'), second.cert);
      expect(await store.check()).to.equal(false);
      await writeFile(join(folder, 'b.key'), second.key);
      expect(await store.check()).to.equal(true);
      expect(store.current.certificates).to.deep.equal([second]);
      await unlink(join(folder, 'a.key'));
      expect(await store.check()).to.equal(false);
      expect(store.current).to.deep.equal({ certificate: first, certificates: [second] });
      expect(store.list.map(each => each.error?.code)).to.deep.equal(['ERR_CERTIFICATE', undefined]);
      await unlink(join(folder, 'a.pem'));
      expect(await store.check()).to.equal(true);
      expect(store.current).to.deep.equal({ certificate: second, certificates: [] });
    });

    it('lets one bad pair stand among good ones, but not among none', async () => {
      const folder = await folderWith({ 'a.pem': first.cert, 'a.key': second.key });
      const bad = await opened([{ directory: folder }]).catch((error: Error) => error.message);
      expect(bad).to.match(/a\.key: not the key of the certificate/);
      await writeFile(join(folder, 'b.pem'), second.cert + second.key);
      const store = await opened([{ directory: folder }]);
      expect(store.list.map(({ error }) => error?.code)).to.deep.equal(['ERR_CERTIFICATE', undefined]);
      expect(store.list[0]).to.deep.include({ names: [], notAfter: undefined, daysLeft: undefined });
      expect(store.current.certificate.cert).to.contain(second.cert);
    });

    it('keeps all when the directory is gone, or empty, and says so once', async () => {
      const folder = await folderWith({ 'a.pem': first.cert, 'a.key': first.key });
      const store = await opened([{ directory: folder }]);
      await rename(folder, `${folder}.gone`);
      await store.check();
      expect(await store.check()).to.equal(false);
      expect(store.current.certificate).to.deep.equal(first);
      await mkdir(folder);
      expect(await store.check()).to.equal(false);
      expect(messages).to.deep.equal(['certificate refused', 'certificate refused']);
      await rm(`${folder}.gone`, { recursive: true });
    });
  });

  describe('of client authorities and their revocation lists', () => {
    it('gives them with the certificates, and what they are now', async () => {
      const { client, strangerClient } = await testCertificates();
      const crl = await opensslRevocationList(authority, []);
      const folder = await folderWith({ 'ca.pem': authority.cert, 'crl.pem': crl });
      const trust = { ca: join(folder, 'ca.pem'), crl: [join(folder, 'crl.pem')] };
      const { store } = await onePair(trust);
      expect(store.current).to.deep.include({ ca: authority.cert, crl: [crl] });
      const revoked = await opensslRevocationList(authority, [client]);
      await writeFile(trust.crl[0] ?? '', revoked);
      expect(await store.check()).to.equal(true);
      expect(store.current.crl).to.deep.equal([revoked]);
      await writeFile(trust.ca, strangerClient.key);
      expect(await store.check()).to.equal(false);
      expect(await store.check()).to.equal(false);
      expect(store.current.ca).to.equal(authority.cert);
      expect(messages).to.deep.equal(['certificate refused']);
    });

    const lists: [string, string, RegExp][] = [
      ['what is none', 'hello', /crl\.pem: holds no PEM revocation list$/],
      [
        'a damaged one',
        '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n',
        /crl\.pem: holds a damaged revocation list$/,
      ],
    ];
    for (const [what, text, reason] of lists) {
      it(`does not begin with ${what}`, async () => {
        const folder = await folderWith({ 'ca.pem': authority.cert, 'crl.pem': text });
        const trust = { ca: join(folder, 'ca.pem'), crl: [join(folder, 'crl.pem')] };
        expect(await onePair(trust).catch((error: Error) => error.message)).to.match(reason);
      });
    }

    it('does not begin with one that is out of date', async () => {
      const old = await opensslRevocationList(authority, [], { until: '250101000000Z' });
      const folder = await folderWith({ 'ca.pem': authority.cert, 'crl.pem': old });
      const trust = { ca: join(folder, 'ca.pem'), crl: [join(folder, 'crl.pem')] };
      expect(await onePair(trust).catch((error: Error) => error.message)).to.match(
        /crl\.pem: out of date since /,
      );
    });
  });

  it('does not begin without sources, nor with a pair that is not good', async () => {
    expect(await opened([]).catch(error => error)).to.have.property('code', 'ERR_OPTION');
    const folder = await folderWith({ 'a.pem': first.cert, 'b.key': second.key });
    const pair = { cert: join(folder, 'a.pem'), key: join(folder, 'b.key') };
    expect(await opened([pair]).catch(error => error)).to.have.property('code', 'ERR_CERTIFICATE');
  });

  describe('watches', () => {
    it('files that are written anew, and a server has them', async () => {
      const { store, write } = await onePair();
      const { server, port } = await serving(line, { tls: 'implicit', ...store.current }, session =>
        session.writeLine('hello'),
      );
      store.on('changed', () => server.replaceTls(store.current));
      const before = await visit(port);
      expect(before.subject).to.equal('a');
      store.watch();
      store.watch();
      const changed = once(store, 'changed');
      await write(second);
      await changed;
      expect(await visit(port)).to.include({ subject: 'b', resumed: false });
      expect(await visit(port, { ...(before.session && { session: before.session }) })).to.include({
        resumed: true,
      });
    });

    it('a Kubernetes secret, whose link is swapped', async () => {
      const folder = await folderWith();
      for (const [version, { cert, key }] of Object.entries({ '..1': first, '..2': second })) {
        await mkdir(join(folder, version));
        await writeFile(join(folder, version, 'tls.crt'), cert);
        await writeFile(join(folder, version, 'tls.key'), key);
      }
      await symlink('..1', join(folder, '..data'));
      for (const name of ['tls.crt', 'tls.key']) await symlink(`..data/${name}`, join(folder, name));
      const store = await opened([{ directory: folder }], { poll: 200 });
      expect(store.current.certificate).to.deep.equal(first);
      store.watch();
      const changed = once(store, 'changed');
      await symlink('..2', join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
      await changed;
      expect(store.current.certificate).to.deep.equal(second);
      expect(store.list).to.have.length(1);
    });
  });
});
