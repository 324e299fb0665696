import { X509Certificate } from 'node:crypto';

/** When of its lifetime a certificate is renewed, and by how much earlier at random, so that not all come at once. */
const RENEWED_AT = 2 / 3;
const JITTER = 1 / 20;

/**
 * When a certificate for these names is to be renewed, in milliseconds since 1970; `undefined` where it is none, lacks one
 * of the names, or is signed by itself.
 */
export function renewalTime(cert: string, names: readonly string[]): number | undefined {
  const x509 = parsed(cert);
  if (x509 === undefined || x509.issuer === x509.subject) return undefined;
  const listed = x509.subjectAltName?.toLowerCase().split(', ') ?? [];
  if (names.some(name => !listed.includes(`dns:${name.toLowerCase()}`))) return undefined;
  const from = Date.parse(x509.validFrom);
  const lifetime = Date.parse(x509.validTo) - from;
  return from + lifetime * (RENEWED_AT - JITTER * Math.random());
}

function parsed(cert: string): X509Certificate | undefined {
  try {
    return new X509Certificate(cert);
  } catch {
    return undefined;
  }
}
