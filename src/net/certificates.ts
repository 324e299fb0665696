import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { SallyportError, unreadable } from '../errors.ts';
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
 * Reads a certificate chain and its key, and checks that they can serve: readable, PEM, each certificate signed by the
 * one behind it, valid today, the key fits, and OpenSSL takes them. Throws ERR_CERTIFICATE, which names the file and the
 * cause and shows nothing of what is in it.
 */
export async function loadCertificate(files: CertificateFiles): Promise<Certificate> {
  const pair = await readCertificate(files);
  checkCertificate(files, pair);
  return pair;
}

/** Only reads the files. Throws ERR_CERTIFICATE where one cannot be read, or is empty. */
export async function readCertificate({
  cert: certFile,
  key: keyFile = certFile,
  passphraseFile,
  passphrase: given,
}: CertificateFiles): Promise<Certificate> {
  const cert = await readText(certFile);
  const key = await readText(keyFile);
  const passphrase = passphraseFile === undefined ? given : await readPassphrase(passphraseFile);
  return passphrase === undefined ? { cert, key } : { cert, key, passphrase };
}

/** Only checks what has been read, as `loadCertificate` does. */
export function checkCertificate(
  { cert: certFile, key: keyFile = certFile }: CertificateFiles,
  { cert, key, passphrase }: Certificate,
): void {
  const chain = parseChain(certFile, cert);
  checkOrder(certFile, chain);
  for (const each of chain) checkValidity(certFile, each);
  if (!chain[0].checkPrivateKey(parseKey(keyFile, key, passphrase))) {
    throw new SallyportError('ERR_CERTIFICATE', `${keyFile}: not the key of the certificate in ${certFile}`);
  }
  try {
    createSecureContext({ cert, key, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unusable';
    throw new SallyportError('ERR_CERTIFICATE', `${certFile}: not taken by OpenSSL (${code})`, { cause });
  }
}

/** Reads the PEM of one or more certificate authorities. Throws ERR_CERTIFICATE, which names the file. */
export async function loadAuthorities(file: string): Promise<string> {
  const text = await readText(file);
  for (const authority of parseChain(file, text)) checkValidity(file, authority);
  return text;
}

/**
 * Reads the PEM of revocation lists, for the option `crl`. Throws ERR_CERTIFICATE, which names the file, also where one
 * is out of date: OpenSSL would then let in nobody.
 */
export async function loadRevocationLists(files: readonly string[]): Promise<readonly string[]> {
  return Promise.all(files.map(loadRevocationList));
}

const PEM_REVOCATION_LIST = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

async function loadRevocationList(file: string): Promise<string> {
  const text = await readText(file);
  const lists = text.match(PEM_REVOCATION_LIST) ?? [];
  if (lists.length === 0)
    throw new SallyportError('ERR_CERTIFICATE', `${file}: holds no PEM revocation list`);
  for (const list of lists) {
    const { nextUpdate } = await parseRevocationList(file, list);
    if (nextUpdate === undefined || nextUpdate.getTime() > Date.now()) continue;
    throw new SallyportError('ERR_CERTIFICATE', `${file}: out of date since ${nextUpdate.toUTCString()}`);
  }
  return text;
}

async function parseRevocationList(file: string, pem: string) {
  await import('reflect-metadata');
  const { X509Crl } = await import('@peculiar/x509');
  try {
    return new X509Crl(pem);
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', `${file}: holds a damaged revocation list`, { cause });
  }
}

async function readText(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', `${file}: ${unreadable(cause)}`, { cause });
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

/** RFC 5246 section 7.4.2: each certificate certifies the one before it. */
function checkOrder(file: string, chain: readonly X509Certificate[]): void {
  for (const [index, issuer] of chain.entries()) {
    const issued = chain[index - 1];
    if (issued === undefined || (issued.checkIssued(issuer) && issued.verify(issuer.publicKey))) continue;
    throw new SallyportError(
      'ERR_CERTIFICATE',
      `${file}: certificate ${index} of the chain is not signed by certificate ${index + 1}`,
    );
  }
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
