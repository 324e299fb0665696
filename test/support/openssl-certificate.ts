import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificate } from '../../src/options.ts';
import { folderWith } from './folder.ts';

const run = promisify(execFile);

export interface OpensslRequest {
  readonly commonName: string;
  /** Default: the common name alone. */
  readonly subject?: string;
  readonly names?: readonly string[];
  /** `weak` is shorter than OpenSSL takes. Default `ec`. */
  readonly key?: 'ec' | 'rsa' | 'weak';
  /** Further extensions, as openssl writes them: `authorityInfoAccess=OCSP;URI:http://…`. */
  readonly extensions?: readonly string[];
}

const KEYS = {
  ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['rsa:2048'],
  weak: ['rsa:512'],
} as const;

/** A certificate that openssl makes, for what ours does not: RSA, chains, extensions. `removeFolders` clears up. */
export async function opensslCertificate(
  request: OpensslRequest,
  authority?: Certificate,
): Promise<Certificate> {
  const { commonName, subject = `/CN=${commonName}`, names = [], key = 'ec', extensions = [] } = request;
  const folder = await folderWith(
    authority === undefined ? {} : { 'ca.pem': authority.cert, 'ca.key': authority.key },
  );
  const altNames = names.length === 0 ? [] : [`subjectAltName=${names.map(name => `DNS:${name}`).join()}`];
  await writeFile(join(folder, 'empty.conf'), '[req]\ndistinguished_name = name\n[name]\n');
  await run('openssl', [
    'req',
    '-config',
    join(folder, 'empty.conf'),
    '-x509',
    '-days',
    '2',
    '-nodes',
    '-subj',
    subject,
    '-newkey',
    ...KEYS[key],
    '-keyout',
    join(folder, 'key'),
    '-out',
    join(folder, 'cert'),
    ...[...altNames, ...extensions].flatMap(each => ['-addext', each]),
    ...(authority === undefined ? [] : ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key')]),
  ]);
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  return { cert: await read('cert'), key: await read('key') };
}
