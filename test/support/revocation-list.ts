import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificate } from '../../src/options.ts';
import { folderWith } from './folder.ts';

const OLD = '200101000000Z';

const run = promisify(execFile);

/** A revocation list of an authority's, by openssl; it is good for an hour, or was until a time (`YYMMDDHHMMSSZ`). */
export async function opensslRevocationList(
  authority: Certificate,
  revoked: readonly Certificate[],
  { until }: { readonly until?: string } = {},
): Promise<string> {
  const folder = await folderWith({ 'ca.pem': authority.cert, 'ca.key': authority.key });
  const file = (name: string) => join(folder, name);
  // As `openssl ca` keeps its database: status, expiry, revocation, serial number, file, subject.
  const rows = revoked.map(
    ({ cert }) =>
      `R\t991231235959Z\t250101000000Z\t${new X509Certificate(cert).serialNumber}\tunknown\t/CN=x\n`,
  );
  await writeFile(file('index'), rows.join(''));
  await writeFile(
    file('conf'),
    `[ca]\ndefault_ca = own\n[own]\ndatabase = ${file('index')}\ndefault_md = sha256\n`,
  );
  const times =
    until === undefined ? ['-crlsec', '3600'] : ['-crl_lastupdate', OLD, '-crl_nextupdate', until];
  const command = ['ca', '-config', file('conf'), '-gencrl', ...times, '-out', file('crl')];
  await run('openssl', [...command, '-cert', file('ca.pem'), '-keyfile', file('ca.key')]);
  return readFile(file('crl'), 'utf8');
}
