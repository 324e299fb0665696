import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { developmentCertificate } from '../../src/net/development-authority.ts';
import { folderWith, removeFolders } from '../support/folder.ts';

describe('src/net/development-authority', () => {
  afterEach(removeFolders);

  it('makes an authority and a certificate at first use, and keeps both', async () => {
    const folder = join(await folderWith(), 'state', 'sallyport');
    const first = await developmentCertificate(folder);
    const second = await developmentCertificate(folder);
    expect(second).to.deep.equal(first);
    const authority = new X509Certificate(await readFile(first.caFile));
    const leaf = new X509Certificate(first.cert);
    expect(authority.ca).to.equal(true);
    expect(leaf.verify(authority.publicKey)).to.equal(true);
    for (const name of ['localhost', hostname()]) expect(leaf.checkHost(name)).to.not.equal(undefined);
    for (const address of ['127.0.0.1', '::1']) expect(leaf.checkIP(address)).to.not.equal(undefined);
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).to.equal('prime256v1');
  });

  it('keeps keys to their owner, and leaves no drafts', async () => {
    const folder = await folderWith();
    await developmentCertificate(folder);
    expect((await readdir(folder)).sort()).to.deep.equal(['authority.pem', 'ca.pem', 'server.pem']);
    for (const name of ['authority.pem', 'server.pem']) {
      expect((await stat(join(folder, name))).mode & 0o777, name).to.equal(0o600);
    }
    expect(await readFile(join(folder, 'ca.pem'), 'utf8')).to.not.contain('PRIVATE KEY');
  });

  it('ends with one authority when several begin at once', async () => {
    const folder = await folderWith();
    const made = await Promise.all(Array.from({ length: 8 }, () => developmentCertificate(folder)));
    const authority = new X509Certificate(await readFile(join(folder, 'ca.pem')));
    for (const { cert } of made) expect(new X509Certificate(cert).verify(authority.publicKey)).to.equal(true);
  });

  it('makes anew what expires soon, is damaged, or is of another authority', async () => {
    const folder = await folderWith();
    const first = await developmentCertificate(folder);
    const soon = await issueCertificate({ commonName: 'localhost', days: 5, names: [hostname()] });
    for (const text of [soon.cert + soon.key, 'damaged']) {
      await writeFile(join(folder, 'server.pem'), text);
      const made = await developmentCertificate(folder);
      expect(made.cert).to.not.equal(first.cert).and.not.equal(soon.cert);
    }
    await writeFile(join(folder, 'authority.pem'), 'damaged');
    const after = await developmentCertificate(folder);
    const authority = new X509Certificate(await readFile(after.caFile));
    expect(new X509Certificate(after.cert).verify(authority.publicKey)).to.equal(true);
  });

  it('says which folder cannot be used', async () => {
    const folder = await folderWith({ file: '' });
    const error = await developmentCertificate(join(folder, 'file', 'below')).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.have.property('code', 'ERR_CERTIFICATE');
    expect(String(error)).to.contain(join(folder, 'file', 'below'));
  });
});
