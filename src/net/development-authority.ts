import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';
import { issueCertificate } from './certificate-issuer.ts';
import { replaceFile } from './replace-file.ts';

export interface DevelopmentCertificate extends Certificate {
  /** The file to give to clients: `openssl s_client -CAfile …`. */
  readonly caFile: string;
  /** The file with the certificate and its key. */
  readonly file: string;
}

const DAY = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** What Apple's tools take at the most is 398 days. */
const SERVER_DAYS = 397;
/** What has less left than this is made anew. */
const RENEW_DAYS = 30;

/**
 * A certificate for `localhost`, `127.0.0.1`, `::1` and this machine's name, from an authority of the user's
 * own that is made at first use and kept in `directory` (default: `sallyport` in the user's state directory;
 * files with keys have mode 0600). For development: who has the authority's key can be any server to those
 * who trust it. Throws ERR_CERTIFICATE where the directory cannot be used.
 */
export async function developmentCertificate(directory = stateDirectory()): Promise<DevelopmentCertificate> {
  const caFile = join(directory, 'ca.pem');
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const authority = await keptAuthority(directory);
    // Written each time: clients are told this file, so it must be the authority in use.
    await replaceFile(caFile, authority.cert, 0o644);
    const file = join(directory, 'server.pem');
    return { ...(await keptServer(file, authority)), caFile, file };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError('ERR_CERTIFICATE', `${directory}: no development authority (${reason})`, {
      cause,
    });
  }
}

/** `$XDG_STATE_HOME/sallyport`, or `~/.local/state/sallyport`. */
export function stateDirectory(): string {
  const base = process.env['XDG_STATE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.local', 'state') : base, 'sallyport');
}

async function keptAuthority(directory: string): Promise<Certificate> {
  const file = join(directory, 'authority.pem');
  const kept = await readPair(file);
  if (kept !== undefined) return kept;
  await rm(file, { force: true });
  const commonName = `Sallyport development authority ${randomBytes(3).toString('hex')}`;
  const made = await issueCertificate({ commonName, days: AUTHORITY_DAYS, usage: 'authority' });
  return createOnce(file, made);
}

async function keptServer(file: string, authority: Certificate): Promise<Certificate> {
  const names = ['localhost', hostname().toLowerCase(), '127.0.0.1', '::1'];
  const kept = await readPair(file);
  if (kept !== undefined && vouches(authority, kept, hostname())) return kept;
  const made = await issueCertificate(
    { commonName: 'localhost', days: SERVER_DAYS, names: [...new Set(names)] },
    authority,
  );
  await replaceFile(file, made.cert + made.key, 0o600);
  return made;
}

/** A file's certificate and key; `undefined` if it is not there, does not fit or is about to expire. */
async function readPair(file: string): Promise<Certificate | undefined> {
  try {
    const pem = await readFile(file, 'utf8');
    const certificate = new X509Certificate(pem);
    const left = Date.parse(certificate.validTo) - Date.now();
    const fits = certificate.checkPrivateKey(createPrivateKey(pem)) && left > RENEW_DAYS * DAY;
    return fits
      ? { cert: certificate.toString(), key: pem.slice(pem.indexOf('-----BEGIN PRIVATE KEY')) }
      : undefined;
  } catch {
    return undefined;
  }
}

function vouches(authority: Certificate, server: Certificate, name: string): boolean {
  const certificate = new X509Certificate(server.cert);
  return (
    certificate.verify(new X509Certificate(authority.cert).publicKey) &&
    certificate.checkHost(name) !== undefined
  );
}

/** Two first uses at once must end with one authority: a link is made once, and who comes second takes that. */
async function createOnce(file: string, made: Certificate): Promise<Certificate> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, made.cert + made.key, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, file);
    return made;
  } catch (error) {
    const first = await readPair(file);
    if (first === undefined) throw error;
    return first;
  } finally {
    await rm(draft, { force: true });
  }
}
