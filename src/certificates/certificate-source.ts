import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError, unreadable } from '../errors.ts';
import type { CertificateFiles } from '../net/certificates.ts';

/** A directory with any number of certificates and their keys. */
export interface CertificateDirectory {
  /**
   * In it, or up to two levels below: `NAME.pem` or `NAME.crt` with `NAME.key`, one `.pem` with both, `fullchain.pem`
   * with `privkey.pem`. So certbot's `live`, Caddy's `certificates` and a Kubernetes secret will do.
   */
  readonly directory: string;
  /** File whose first line decrypts the keys. */
  readonly passphraseFile?: string;
  /** Decrypts the keys, in the place of a file. */
  readonly passphrase?: string;
}

export type CertificateSource = CertificateFiles | CertificateDirectory;

const LEVELS_BELOW = 2;

/**
 * The pairs that a source has now, those of a directory in the order of their paths. Throws ERR_CERTIFICATE for a directory that cannot be
 * read, and for one without a pair.
 */
export async function pairsOf(source: CertificateSource): Promise<readonly CertificateFiles[]> {
  if (!('directory' in source)) return [source];
  const { directory, ...opened } = source;
  const found = await pairsIn(directory, LEVELS_BELOW);
  if (found.length === 0) {
    throw new SallyportError(
      'ERR_CERTIFICATE',
      `${directory}: holds no certificate with its key, such as NAME.pem and NAME.key`,
    );
  }
  return found.sort(byPath).map(pair => ({ ...pair, ...opened }));
}

export function byPath(one: CertificateFiles, other: CertificateFiles): number {
  return one.cert < other.cert ? -1 : 1;
}

async function pairsIn(directory: string, levels: number): Promise<CertificateFiles[]> {
  const { files, folders } = await contentsOf(directory);
  const own = await Promise.all(files.map(file => pairAt(directory, file, files)));
  if (levels === 0) return own.flat();
  const below = await Promise.all(folders.map(folder => pairsIn(join(directory, folder), levels - 1)));
  return [own, ...below].flat(2);
}

/** Kubernetes keeps what its links lead to in `..data`, and editors their drafts in dot files. */
async function contentsOf(directory: string) {
  try {
    const names = (await readdir(directory)).filter(name => !name.startsWith('.'));
    const kinds = await Promise.all(names.map(name => kindOf(join(directory, name))));
    const ofKind = (kind: 'file' | 'folder') => names.filter((_, index) => kinds[index] === kind);
    return { files: ofKind('file'), folders: ofKind('folder') };
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', `${directory}: ${unreadable(cause)}`, { cause });
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

/** The pair whose certificate is in this file: none or one. */
async function pairAt(
  directory: string,
  file: string,
  files: readonly string[],
): Promise<readonly CertificateFiles[]> {
  const [, base, extension] = /^(.+)\.(pem|crt)$/.exec(file) ?? [];
  if (base === undefined || (extension === 'crt' && files.includes(`${base}.pem`))) return [];
  const key = keysFor(base).find(name => files.includes(name));
  const cert = join(directory, file);
  if (key !== undefined) return [{ cert, key: join(directory, key) }];
  return (await holdsBoth(cert)) ? [{ cert }] : [];
}

function keysFor(base: string): readonly string[] {
  return base === 'fullchain' ? ['privkey.pem', 'fullchain.key'] : [`${base}.key`, `${base}-key.pem`];
}

async function holdsBoth(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /-----BEGIN CERTIFICATE-----/.test(text) && /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
}
