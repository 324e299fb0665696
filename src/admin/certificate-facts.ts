import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../options.ts';
import { printable } from '../wire/printable.ts';

/** What a certificate that is served is known by, and when it expires. */
export interface ServedCertificate {
  /** `CN=…, O=…`, most specific first; the first of its names where it has no subject. Escaped. */
  readonly subject: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** In milliseconds since 1970. */
  readonly expires: number;
}

const known = new WeakMap<Certificate, ServedCertificate>();

/** Reads the certificate of a server, once for each. */
export function servedCertificate(certificate: Certificate): ServedCertificate {
  const found = known.get(certificate) ?? read(certificate);
  known.set(certificate, found);
  return found;
}

function read({ cert }: Certificate): ServedCertificate {
  const { subject, subjectAltName = '', serialNumber, validTo } = new X509Certificate(cert);
  // Not in the types: an authority may leave the subject out, and Node then gives undefined.
  const parts: string | undefined = subject;
  const [name = ''] = subjectAltName.split(', ');
  const text = parts?.split('\n').reverse().join(', ') || name;
  return { subject: printable(text), serial: serialNumber, expires: Date.parse(validTo) };
}
