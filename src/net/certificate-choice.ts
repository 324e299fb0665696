import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';

/**
 * Chooses among certificates by the names in their subject alternative names: the exact name or address, else a
 * wildcard of one label (RFC 9525 section 6.3). Of several that fit, the first one counts. Common names are not
 * looked at.
 */
export class CertificateChoice {
  readonly #byName = new Map<string, Certificate>();

  /** Throws ERR_CERTIFICATE for what is no certificate. */
  constructor(certificates: readonly Certificate[]) {
    for (const certificate of certificates) {
      for (const name of namesOf(certificate)) {
        if (!this.#byName.has(name)) this.#byName.set(name, certificate);
      }
    }
  }

  /** For a name as a client gives it, latin1, in any case, with or without a last dot; `undefined` where none fits. */
  for(name: string): Certificate | undefined {
    const host = normalised(name);
    return this.#byName.get(host) ?? this.#byName.get(host.replace(/^[^.]+/, '*'));
  }
}

function namesOf({ cert }: Certificate): readonly string[] {
  // Names that need quotes are none that a client could mean (CVE-2021-44532).
  const listed = certificateOf(cert).subjectAltName?.split(', ') ?? [];
  return listed.flatMap(entry => {
    const [, kind, name = ''] = /^(DNS|IP Address):([^"]+)$/.exec(entry) ?? [];
    if (kind === undefined) return [];
    return [kind === 'DNS' ? name.toLowerCase() : normalised(name)];
  });
}

function certificateOf(cert: string): X509Certificate {
  try {
    return new X509Certificate(cert);
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', 'not a PEM certificate', { cause });
  }
}

/** A name that came in UTF-8, as XMPP's do, becomes one of A-labels; an address has one form of many. */
function normalised(name: string): string {
  const text = Buffer.from(name, 'latin1').toString('utf8').replace(/\.$/, '');
  const address = text.replace(/^\[(.*)\]$/, '$1');
  return domainToASCII(isIP(address) === 6 ? `[${address}]` : address);
}
