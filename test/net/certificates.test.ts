import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { SallyportError } from '../../src/errors.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { loadAuthorities, loadCertificate } from '../../src/net/certificates.ts';
import { TlsTerminator } from '../../src/net/terminator.ts';
import { testCertificates } from '../support/certificates.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { opensslCertificate } from '../support/openssl-certificate.ts';

describe('src/net/certificates', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);

  before(async () => {
    const { server, authority, client, expiredServer } = await testCertificates();
    const encrypted = createPrivateKey(server.key)
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
      .toString();
    const formerAuthority = await issueCertificate({ commonName: 'former', days: -1, usage: 'authority' });
    const orphan = await issueCertificate({ commonName: 'orphan', days: 2 }, formerAuthority);
    const weak = await opensslCertificate({ commonName: 'weak', key: 'weak' });
    folder = await folderWith({
      'disordered.pem': server.cert + client.cert + authority.cert,
      'expired-chain.pem': orphan.cert + formerAuthority.cert,
      'expired-chain.key': orphan.key,
      'weak.pem': weak.cert,
      'weak.key': weak.key,
      'cert.pem': server.cert,
      'key.pem': server.key,
      'both.pem': server.cert + authority.cert + server.key,
      'ca.pem': authority.cert,
      'other.key': client.key,
      'encrypted.key': encrypted,
      'passphrase.txt': 'open sesame\nnot this\n',
      'wrong.txt': 'close sesame\n',
      'empty.pem': '',
      'text.pem': 'hello\n',
      'damaged.pem': server.cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'),
      'damaged.key': server.key.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'),
      'expired.pem': expiredServer.cert,
      'expired.key': expiredServer.key,
    });
  });

  after(removeFolders);

  it('reads a pair from two files, and from one', async () => {
    const { server } = await testCertificates();
    expect(await loadCertificate({ cert: file('cert.pem'), key: file('key.pem') })).to.deep.equal(server);
    const both = await loadCertificate({ cert: file('both.pem') });
    expect(both.cert).to.equal(both.key);
    expect(() => new TlsTerminator({ certificate: both })).to.not.throw();
  });

  it('opens an encrypted key with the first line of a file', async () => {
    const certificate = await loadCertificate({
      cert: file('cert.pem'),
      key: file('encrypted.key'),
      passphraseFile: file('passphrase.txt'),
    });
    expect(certificate.passphrase).to.equal('open sesame');
    expect(() => new TlsTerminator({ certificate })).to.not.throw();
  });

  const faults: [string, { cert: string; key?: string; passphraseFile?: string }, RegExp][] = [
    ['a file that is not there', { cert: 'none.pem' }, /none\.pem: cannot be read \(ENOENT\)$/],
    ['a folder', { cert: '.' }, /cannot be read \(EISDIR\)$/],
    ['an empty certificate', { cert: 'empty.pem' }, /empty\.pem: is empty$/],
    ['an empty key', { cert: 'cert.pem', key: 'empty.pem' }, /empty\.pem: is empty$/],
    ['what is no certificate', { cert: 'text.pem' }, /text\.pem: holds no PEM certificate$/],
    [
      'a damaged certificate',
      { cert: 'damaged.pem', key: 'key.pem' },
      /damaged\.pem: holds a damaged certificate$/,
    ],
    ['what is no key', { cert: 'cert.pem', key: 'ca.pem' }, /ca\.pem: holds no PEM private key$/],
    ['a certificate without its key', { cert: 'cert.pem' }, /cert\.pem: holds no PEM private key$/],
    ['a damaged key', { cert: 'cert.pem', key: 'damaged.key' }, /damaged\.key: holds a damaged private key$/],
    [
      'the key of another',
      { cert: 'cert.pem', key: 'other.key' },
      /other\.key: not the key of the certificate in .*cert\.pem$/,
    ],
    [
      'an encrypted key alone',
      { cert: 'cert.pem', key: 'encrypted.key' },
      /encrypted\.key: the key is encrypted and there is no passphrase$/,
    ],
    [
      'a wrong passphrase',
      { cert: 'cert.pem', key: 'encrypted.key', passphraseFile: 'wrong.txt' },
      /encrypted\.key: the passphrase does not open the key$/,
    ],
    [
      'a chain in the wrong order',
      { cert: 'disordered.pem', key: 'key.pem' },
      /disordered\.pem: certificate 1 of the chain is not signed by certificate 2$/,
    ],
    [
      'a chain whose authority has expired',
      { cert: 'expired-chain.pem', key: 'expired-chain.key' },
      /expired-chain\.pem: expired on /,
    ],
    [
      'a key that OpenSSL does not take',
      { cert: 'weak.pem', key: 'weak.key' },
      /weak\.pem: not taken by OpenSSL \(ERR_SSL_EE_KEY_TOO_SMALL\)$/,
    ],
    ['an expired certificate', { cert: 'expired.pem', key: 'expired.key' }, /expired\.pem: expired on /],
  ];
  for (const [what, files, message] of faults) {
    it(`refuses ${what}, and names the file`, async () => {
      const paths = Object.fromEntries(Object.entries(files).map(([name, path]) => [name, file(path)]));
      const error = await loadCertificate({ cert: '', ...paths }).catch((reason: unknown) => reason);
      expect(error).to.be.an.instanceOf(SallyportError).with.property('code', 'ERR_CERTIFICATE');
      expect(String(error)).to.match(message).and.not.contain('BEGIN');
    });
  }

  it('reads authorities, and refuses what are none', async () => {
    expect(await loadAuthorities(file('ca.pem'))).to.contain('BEGIN CERTIFICATE');
    const error = await loadAuthorities(file('expired.pem')).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'ERR_CERTIFICATE');
  });

  it('says why where OpenSSL does not take a certificate', () => {
    const certificate = { cert: 'no certificate', key: 'no key' };
    expect(() => new TlsTerminator({ certificate })).to.throw(SallyportError, 'Bad certificate or key: ');
  });
});
