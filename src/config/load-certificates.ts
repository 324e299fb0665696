import { type CertificateDirectory, pairsOf } from '../certificates/certificate-source.ts';
import { type CertificateFiles, loadCertificate } from '../net/certificates.ts';
import { developmentCertificate } from '../net/development-authority.ts';
import type { Certificate } from '../options.ts';
import type { CertificateSpec } from './configuration.ts';
import type { Reading } from './reading.ts';
import type { CertificatesSection, SourceSection } from './schema/certificates.ts';
import type { Secret } from './schema/values.ts';
import type { Path } from './source.ts';

/**
 * Where the certificates of a section come from, each tried; with a mistake for each that cannot be used, `undefined`.
 * Those that are `undefined` have been reported already.
 */
export async function loadSources(
  section: CertificatesSection | readonly (SourceSection | undefined)[],
  path: Path,
  reading: Reading,
): Promise<CertificateSpec['sources'] | undefined> {
  if (section === 'development') {
    const right = 'see that its folder can be written';
    const made = await reading.taken(
      () => developmentCertificate(),
      () => path,
      right,
    );
    return made && [{ cert: made.file }];
  }
  const loaded = await Promise.all(
    section.map((source, index) => source && loadSource(source, [...path, index], reading)),
  );
  const usable = loaded.filter(source => source !== undefined);
  return usable.length === loaded.length ? usable : undefined;
}

async function loadSource(source: SourceSection, path: Path, reading: Reading) {
  if ('directory' in source) return loadDirectory(source, path, reading);
  const { certificate, files } = await tryPair(source, path, reading);
  return certificate && files;
}

/** As for the store, one good pair is enough. */
async function loadDirectory(
  { directory: name, passphrase }: Extract<SourceSection, { directory: string }>,
  path: Path,
  reading: Reading,
): Promise<CertificateDirectory | undefined> {
  const source = { directory: reading.file(name), ...opening(passphrase, reading) };
  const tried = async () => {
    const pairs = await pairsOf(source);
    const found = await Promise.allSettled(pairs.map(loadCertificate));
    const [fault] = found.filter(({ status }) => status === 'rejected');
    if (fault?.status === 'rejected' && found.every(({ status }) => status === 'rejected'))
      throw fault.reason;
    return source;
  };
  return reading.taken(tried, reason => passphrasePlace(reason, source, path) ?? [...path, 'directory']);
}

interface Pair {
  readonly cert: string;
  readonly key?: string;
  readonly passphrase?: Secret;
}

/** A certificate, its key and what opens it. */
export async function loadPair(pair: Pair, path: Path, reading: Reading): Promise<Certificate | undefined> {
  return (await tryPair(pair, path, reading)).certificate;
}

async function tryPair({ cert, key, passphrase }: Pair, path: Path, reading: Reading) {
  const files: CertificateFiles = {
    cert: reading.file(cert),
    ...(key === undefined ? {} : { key: reading.file(key) }),
    ...opening(passphrase, reading),
  };
  const place = (reason: string): Path => {
    if (files.key !== undefined && reason.startsWith(`${files.key}: `)) return [...path, 'key'];
    return passphrasePlace(reason, files, path) ?? [...path, 'cert'];
  };
  return { certificate: await reading.taken(() => loadCertificate(files), place), files };
}

function opening(passphrase: Secret | undefined, reading: Reading) {
  if (passphrase === undefined) return {};
  return typeof passphrase === 'string' ? { passphrase } : { passphraseFile: reading.file(passphrase.file) };
}

function passphrasePlace(
  reason: string,
  { passphraseFile }: Pick<CertificateFiles, 'passphraseFile'>,
  path: Path,
): Path | undefined {
  if (passphraseFile === undefined || !reason.startsWith(`${passphraseFile}: `)) return undefined;
  return [...path, 'passphrase', 'file'];
}
