import { loadAuthorities, loadCertificate } from '../net/certificates.ts';
import { developmentCertificate } from '../net/development-authority.ts';
import type { Certificate } from '../options.ts';
import type { Reading } from './reading.ts';
import type { CertificatesSection } from './schema/certificates.ts';
import type { Secret } from './schema/values.ts';
import type { Path } from './source.ts';

/**
 * The certificates of a section, all of them or, with a mistake for each that cannot be used, `undefined`. Those that
 * are `undefined` have been reported already.
 */
export async function loadCertificates(
  section: CertificatesSection | readonly (Pair | undefined)[],
  path: Path,
  reading: Reading,
): Promise<readonly Certificate[] | undefined> {
  if (section === 'development') {
    const right = 'see that its folder can be written';
    const made = await reading.taken(
      () => developmentCertificate(),
      () => path,
      right,
    );
    return made && [made];
  }
  const loaded = await Promise.all(
    section.map((pair, index) => pair && loadPair(pair, [...path, index], reading)),
  );
  const usable = loaded.filter(certificate => certificate !== undefined);
  return usable.length === loaded.length ? usable : undefined;
}

interface Pair {
  readonly cert: string;
  readonly key?: string;
  readonly passphrase?: Secret;
}

/** A certificate, its key and what opens it. */
export function loadPair(pair: Pair, path: Path, reading: Reading): Promise<Certificate | undefined> {
  const cert = reading.file(pair.cert);
  const key = pair.key === undefined ? undefined : reading.file(pair.key);
  const { passphrase } = pair;
  const passphraseFile = typeof passphrase === 'object' ? reading.file(passphrase.file) : undefined;
  const place = (reason: string): Path => {
    if (key !== undefined && reason.startsWith(`${key}: `)) return [...path, 'key'];
    if (passphraseFile !== undefined && reason.startsWith(`${passphraseFile}: `))
      return [...path, 'passphrase', 'file'];
    return [...path, 'cert'];
  };
  const files = {
    cert,
    ...(key === undefined ? {} : { key }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
    ...(typeof passphrase === 'string' ? { passphrase } : {}),
  };
  return reading.taken(() => loadCertificate(files), place);
}

/** The PEM of authorities. */
export function loadCa(name: string, path: Path, reading: Reading): Promise<string | undefined> {
  return reading.taken(
    () => loadAuthorities(reading.file(name)),
    () => path,
  );
}
