import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';

export interface CertificateFiles {
  /** PEM file: the certificate, then its chain. */
  readonly cert: string;
  /** PEM file with the key. Default: the same file as `cert`. */
  readonly key?: string;
  /** File whose first line decrypts the key. */
  readonly passphraseFile?: string;
  /** Decrypts the key, in the place of a file. */
  readonly passphrase?: string;
}

/**
 * Reads a certificate chain and its key, and checks that they can serve: readable, PEM, the key fits, valid
 * today. Throws ERR_CERTIFICATE, which names the file and the cause and shows nothing of what is in it.
 */
export async function loadCertificate(files: CertificateFiles): Promise<Certificate> {
  const keyFile = files.key ?? files.cert;
  const cert = await readText(files.cert);
  const key = await readText(keyFile);
  const passphrase =
    files.passphraseFile === undefined ? files.passphrase : await readPassphrase(files.passphraseFile);
  const [leaf] = parseChain(files.cert, cert);
  checkValidity(files.cert, leaf);
  if (!leaf.checkPrivateKey(parseKey(keyFile, key, passphrase))) {
    throw new SallyportError(
      'ERR_CERTIFICATE',
      `${keyFile}: not the key of the certificate in ${files.cert}`,
    );
  }
  return passphrase === undefined ? { cert, key } : { cert, key, passphrase };
}

/** Reads the PEM of one or more certificate authorities. Throws ERR_CERTIFICATE, which names the file. */
export async function loadAuthorities(file: string): Promise<string> {
  const text = await readText(file);
  for (const authority of parseChain(file, text)) checkValidity(file, authority);
  return text;
}

async function readText(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new SallyportError('ERR_CERTIFICATE', `${file}: cannot be read (${code})`, { cause });
  }
  // An empty file is what a renewal looks like half-way, and Node would take it.
  if (text.trim() === '') throw new SallyportError('ERR_CERTIFICATE', `${file}: is empty`);
  return text;
}

async function readPassphrase(file: string): Promise<string> {
  return (await readText(file)).split(/\r?\n/, 1)[0] ?? '';
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function parseChain(file: string, text: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [leaf, ...chain] = (text.match(PEM_CERTIFICATE) ?? []).map(pem => new X509Certificate(pem));
    if (leaf !== undefined) return [leaf, ...chain];
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', `${file}: holds a damaged certificate`, { cause });
  }
  throw new SallyportError('ERR_CERTIFICATE', `${file}: holds no PEM certificate`);
}

function checkValidity(file: string, certificate: X509Certificate): void {
  const now = Date.now();
  if (now > Date.parse(certificate.validTo)) {
    throw new SallyportError('ERR_CERTIFICATE', `${file}: expired on ${certificate.validTo}`);
  }
  if (now < Date.parse(certificate.validFrom)) {
    throw new SallyportError('ERR_CERTIFICATE', `${file}: not valid before ${certificate.validFrom}`);
  }
}

function parseKey(file: string, text: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', `${file}: ${keyFault(text, passphrase)}`, { cause });
  }
}

function keyFault(text: string, passphrase: string | undefined): string {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return 'holds no PEM private key';
  if (!/ENCRYPTED/.test(text)) return 'holds a damaged private key';
  return passphrase === undefined
    ? 'the key is encrypted and there is no passphrase'
    : 'the passphrase does not open the key';
}
