import { createPrivateKey } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { testCertificates } from './certificates.ts';
import { folderWith } from './folder.ts';
import { opensslRevocationList } from './revocation-list.ts';
import { ROOT } from './root.ts';

/** What the variables of the environment are in `test/config/`. */
export const ENVIRONMENT = { PASSPHRASE: 'open sesame', HOST: '127.0.0.1', EMPTY: '' } as const;

/** A folder with the files that the configurations in `test/config/` and in the documents name. */
export async function configurationFolder(): Promise<string> {
  const { server, client, expiredServer, authority } = await testCertificates();
  const { cert, key } = await issueCertificate({
    commonName: 'mail.example.org',
    days: 2,
    names: ['mail.example.org'],
  });
  const [lists, old] = await Promise.all([
    opensslRevocationList(authority, []),
    opensslRevocationList(authority, [], { until: '250101000000Z' }),
  ]);
  const folder = await folderWith({
    'mail.pem': cert,
    'mail.key': key,
    'encrypted.key': encrypted(key),
    passphrase: `${ENVIRONMENT.PASSPHRASE}\nand no more\n`,
    'admin-token': 'correct-horse-battery-staple\nand no more\n',
    'wrong-passphrase': 'open barley\n',
    'other.key': client.key,
    'expired.pem': expiredServer.cert,
    'expired.key': expiredServer.key,
    'empty.pem': '',
    'damaged.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    'ca.pem': authority.cert,
    'chain.pem': server.cert,
    'key.pem': server.key,
    'application.mjs': 'export default session => session.stream.end();\n',
    'ca.crl': lists,
    'old.crl': old,
    'ticket-secret': 'x'.repeat(48),
    'short-secret': 'x'.repeat(31),
  });
  await directories(folder, cert, key);
  return folder;
}

/** As certbot lays out its own, one with nothing, and one with a damaged pair. */
async function directories(folder: string, cert: string, key: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  for (const name of ['live/mail.example.org', 'nothing', 'damaged'])
    await mkdir(at(name), { recursive: true });
  await writeFile(at('live/mail.example.org/fullchain.pem'), cert);
  await writeFile(at('live/mail.example.org/privkey.pem'), key);
  await writeFile(at('damaged/mail.pem'), cert);
  await writeFile(at('damaged/mail.key'), 'damaged');
}

function encrypted(key: string): string {
  const options = {
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: ENVIRONMENT.PASSPHRASE,
  } as const;
  return createPrivateKey(key).export(options).toString();
}

/** The configurations of a folder in `test/config/`, by name. */
export async function configurations(kind: 'broken' | 'good'): Promise<ReadonlyMap<string, string>> {
  const folder = join(ROOT, 'test/config', kind);
  const names = (await readdir(folder)).filter(name => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')));
  return new Map(names.map((name, index) => [name.replace('.yaml', ''), texts[index] ?? '']));
}

/** The state folder of the certificate for development, for as long as a test needs it. */
export function withStateFolder(folder: string): () => void {
  const before = process.env['XDG_STATE_HOME'];
  process.env['XDG_STATE_HOME'] = join(folder, 'state');
  return () => {
    if (before === undefined) delete process.env['XDG_STATE_HOME'];
    else process.env['XDG_STATE_HOME'] = before;
  };
}
