import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { pairsOf } from '../../src/certificates/certificate-source.ts';
import { folderWith, removeFolders } from '../support/folder.ts';

describe('src/certificates/certificate-source', () => {
  after(removeFolders);

  const CERT = '-----BEGIN CERTIFICATE-----\n';
  const KEY = '-----BEGIN EC PRIVATE KEY-----\n';

  /** A folder with such files; a text that begins with `->` is a link. */
  async function directoryOf(files: Readonly<Record<string, string>>): Promise<string> {
    const folder = await folderWith();
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      if (text.startsWith('->')) await symlink(text.slice(2), join(folder, name));
      else await writeFile(join(folder, name), text);
    }
    return folder;
  }

  async function found(files: Readonly<Record<string, string>>): Promise<readonly (readonly string[])[]> {
    const directory = await directoryOf(files);
    const pairs = await pairsOf({ directory });
    return pairs.map(({ cert, key }) =>
      [cert, key].flatMap(file => (file === undefined ? [] : relative(directory, file))),
    );
  }

  it('is one pair where files are named', async () => {
    expect(await pairsOf({ cert: 'a', key: 'b' })).to.deep.equal([{ cert: 'a', key: 'b' }]);
  });

  it('finds pairs by name, and files with both, and leaves the rest alone', async () => {
    const files = {
      'b.pem': CERT,
      'b.key': KEY,
      'a.crt': CERT,
      'a.key': KEY,
      'both.pem': CERT + KEY,
      'mkcert.pem': CERT,
      'mkcert-key.pem': KEY,
      'ca.pem': CERT,
      'lonely.key': KEY,
      'twice.crt': CERT,
      'twice.pem': CERT,
      'twice.key': KEY,
      '.draft.pem': CERT + KEY,
      README: 'words',
    };
    expect(await found(files)).to.deep.equal([
      ['a.crt', 'a.key'],
      ['b.pem', 'b.key'],
      ['both.pem'],
      ['mkcert.pem', 'mkcert-key.pem'],
      ['twice.pem', 'twice.key'],
    ]);
  });

  it("finds certbot's, with its links", async () => {
    const live = (name: string) => ({
      [`archive/${name}/fullchain1.pem`]: CERT,
      [`archive/${name}/privkey1.pem`]: KEY,
      [`live/${name}/cert.pem`]: CERT,
      [`live/${name}/chain.pem`]: CERT,
      [`live/${name}/fullchain.pem`]: `->../../archive/${name}/fullchain1.pem`,
      [`live/${name}/privkey.pem`]: `->../../archive/${name}/privkey1.pem`,
    });
    const directory = await directoryOf({
      ...live('b.example.org'),
      ...live('a.example.org'),
      'live/README': '',
    });
    expect(await pairsOf({ directory: join(directory, 'live'), passphraseFile: 'p' })).to.deep.equal(
      ['a', 'b'].map(name => ({
        cert: join(directory, 'live', `${name}.example.org`, 'fullchain.pem'),
        key: join(directory, 'live', `${name}.example.org`, 'privkey.pem'),
        passphraseFile: 'p',
      })),
    );
  });

  it("finds Caddy's, by authority and name", async () => {
    const at = 'acme-v02.example-directory/mail.example.org/mail.example.org';
    expect(await found({ [`${at}.crt`]: CERT, [`${at}.key`]: KEY, [`${at}.json`]: '{}' })).to.deep.equal([
      [`${at}.crt`, `${at}.key`],
    ]);
  });

  it("finds a Kubernetes secret's, once, without its ca.crt", async () => {
    const files = {
      '..2026_11_25/tls.crt': CERT,
      '..2026_11_25/tls.key': KEY,
      '..2026_11_25/ca.crt': CERT,
      '..data': '->..2026_11_25',
      'tls.crt': '->..data/tls.crt',
      'tls.key': '->..data/tls.key',
      'ca.crt': '->..data/ca.crt',
    };
    expect(await found(files)).to.deep.equal([['tls.crt', 'tls.key']]);
  });

  it('does not go deeper, nor round in a circle, nor after links that lead nowhere', async () => {
    expect(
      await found({ 'a.pem': CERT + KEY, 'b/c/d/e.pem': CERT + KEY, x: '->.', 'gone.pem': '->nowhere' }),
    ).to.deep.include(['a.pem']);
  });

  it('says which directory cannot be read, and which holds nothing', async () => {
    const directory = await directoryOf({ 'a.pem': CERT, 'a.txt': KEY });
    const fault = (path: string) => pairsOf({ directory: path }).catch((error: Error) => error.message);
    expect(await fault(directory)).to.equal(
      `Bad certificate or key: ${directory}: holds no certificate with its key, such as NAME.pem and NAME.key`,
    );
    expect(await fault(join(directory, 'none'))).to.match(/none: cannot be read \(ENOENT\)$/);
  });
});
