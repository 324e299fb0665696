import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { BER, decodeConstructed, decodeElements, decodeText } from '../wire/ber.ts';
import { printable } from '../wire/printable.ts';
import type { CertificateFacts } from './probe-result.ts';

const DAY = 86_400_000;
const TEXT_LIMIT = 1024;

/** What a certificate says, as plain data; `now` is the time to count its days from, in milliseconds. */
export function certificateFacts(certificate: X509Certificate, now: number): CertificateFacts {
  const { subject, issuer, subjectAltName, validFrom, validTo, fingerprint256 } = certificate;
  return {
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    altNames: subjectAltName === undefined ? undefined : printable(subjectAltName, TEXT_LIMIT),
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString(),
    daysLeft: Math.floor((Date.parse(validTo) - now) / DAY),
    key: keyOf(certificate),
    signature: signatureOf(certificate),
    fingerprint: fingerprint256,
    selfSigned: isSelfSigned(certificate),
  };
}

/** Whether a certificate is for a name, or for an address (RFC 9525 section 6). */
export function isFor(certificate: X509Certificate, name: string): boolean {
  const found = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return found !== undefined;
}

/** Whether a key is too short to be trusted (NIST SP 800-57 part 1, table 2). */
export function hasWeakKey({ publicKey }: X509Certificate): boolean {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return modulusLength < 2048;
  return namedCurve !== undefined && SHORT_CURVES.test(namedCurve);
}

const SHORT_CURVES = /^(secp1(12|28|60|92)|prime192|sect1|wap-wsg|brainpoolP(160|192)|c2pnb163)/;

/** Whether somebody else may have made the signature (RFC 9155). That of a root is never looked at. */
export function hasWeakSignature(certificate: X509Certificate): boolean {
  return !isSelfSigned(certificate) && /md5|sha1\b|sha1With/i.test(signatureOf(certificate));
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.checkIssued(certificate);
}

/** Whether `issuer` is said to have issued a certificate. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer);
}

/** Node gives one attribute a line, the most general first; a certificate may have no name at all. */
function nameOf(name: string | undefined): string {
  return printable((name ?? '').split('\n').reverse().join(', '), TEXT_LIMIT);
}

function keyOf({ publicKey }: X509Certificate): string {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  const kind = (publicKey.asymmetricKeyType ?? 'unknown').toUpperCase();
  return `${kind} ${modulusLength ?? namedCurve ?? ''}`.trimEnd();
}

/** RFC 5280 section 4.1: the second of three elements. Node does not tell it. */
function signatureOf({ raw }: X509Certificate): string {
  const [, algorithm] = decodeConstructed(decodeElements(raw)[0], BER.sequence);
  const [identifier] = decodeConstructed(algorithm, BER.sequence);
  const octets = Buffer.from(decodeText(identifier, OBJECT_IDENTIFIER), 'latin1');
  return SIGNATURES[octets.toString('hex')] ?? dotted(octets);
}

const OBJECT_IDENTIFIER = 0x06;

/** By the object identifier's octets, in hexadecimal; the names are OpenSSL's. */
const SIGNATURES: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'md5WithRSAEncryption',
  '2a864886f70d010105': 'sha1WithRSAEncryption',
  '2a864886f70d01010b': 'sha256WithRSAEncryption',
  '2a864886f70d01010c': 'sha384WithRSAEncryption',
  '2a864886f70d01010d': 'sha512WithRSAEncryption',
  '2a864886f70d01010a': 'rsassaPss',
  '2a8648ce3d0401': 'ecdsa-with-SHA1',
  '2a8648ce3d040302': 'ecdsa-with-SHA256',
  '2a8648ce3d040303': 'ecdsa-with-SHA384',
  '2a8648ce3d040304': 'ecdsa-with-SHA512',
  '2a8648ce380403': 'dsa-with-SHA1',
  '2b6570': 'ED25519',
  '2b6571': 'ED448',
};

/** X.690 section 8.19. */
function dotted(octets: Buffer): string {
  const numbers: number[] = [];
  let value = 0;
  for (const octet of octets) {
    value = value * 0x80 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      numbers.push(first, value - first * 40);
    } else numbers.push(value);
    value = 0;
  }
  return numbers.join('.');
}
