import { loadAuthorities, loadRevocationLists } from '../net/certificates.ts';
import type { CertificateSpec } from './configuration.ts';
import type { Reading } from './reading.ts';
import type { ClientCertificatesSection } from './schema/certificates.ts';
import { listOf } from './schema/values.ts';
import type { Path } from './source.ts';

/** By what client certificates are judged; `undefined` where there is a mistake. */
export async function loadTrust(
  { policy, ca: name, crl, subjects }: ClientCertificatesSection,
  path: Path,
  reading: Reading,
): Promise<Pick<CertificateSpec, 'ca' | 'crl'> | undefined> {
  const ca = (await loadCa(name, [...path, 'ca'], reading)) && reading.file(name);
  const lists = crl === undefined ? [] : listOf(crl);
  const tried = await Promise.all(
    lists.map((list, index) => {
      const place = [...path, 'crl', ...(Array.isArray(crl) ? [index] : [])];
      return reading.taken(
        () => loadRevocationLists([reading.file(list)]),
        () => place,
      );
    }),
  );
  if (subjects !== undefined && policy !== 'require') {
    const right = 'let in only those by "policy: require"';
    reading.report([...path, 'subjects'], '"subjects" is nothing that clients need to have', right);
    return undefined;
  }
  if (ca === undefined || tried.includes(undefined)) return undefined;
  return { ca, ...(crl === undefined ? {} : { crl: lists.map(list => reading.file(list)) }) };
}

/** The PEM of authorities. */
export function loadCa(name: string, path: Path, reading: Reading): Promise<string | undefined> {
  return reading.taken(
    () => loadAuthorities(reading.file(name)),
    () => path,
  );
}
