import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';

/**
 * What a name is served with: certificates side by side, each with another kind of key, such as ECDSA and RSA. OpenSSL
 * takes the one that the client's ciphers and signature algorithms allow.
 */
export type CertificateSet = readonly Certificate[];

/**
 * Chooses among certificates by the names in their subject alternative names: the exact name or address, else a
 * wildcard of one label (RFC 9525 section 6.3). Of several that fit, the first one of each kind of key counts. Common
 * names are not looked at.
 */
export class CertificateChoice {
  /** For clients whose name is not known: the first certificate, and others that have all of its names. */
  readonly preset: CertificateSet;
  readonly #byName = new Map<string, CertificateSet>();

  /** Throws ERR_CERTIFICATE for what is no certificate. */
  constructor(certificates: readonly Certificate[]) {
    const known = certificates.map(knownAs);
    const interned = new Map<string, CertificateSet>();
    const setOf = (fitting: readonly Known[]) => {
      const beside = firstOfEachKind(fitting);
      const id = beside.map(each => known.indexOf(each)).join();
      const set = interned.get(id) ?? beside.map(({ certificate }) => certificate);
      interned.set(id, set);
      return set;
    };
    for (const [name, fitting] of byName(known)) this.#byName.set(name, setOf(fitting));
    const [first] = known;
    this.preset = setOf(known.filter(each => each === first || (first !== undefined && hasAll(each, first))));
  }

  /** Every set that can be chosen, each of them once; the preset first. */
  get sets(): readonly CertificateSet[] {
    return [...new Set([this.preset, ...this.#byName.values()])];
  }

  /** For a name as a client gives it, latin1, in any case, with or without a last dot; `undefined` where none fits. */
  for(name: string): CertificateSet | undefined {
    const host = normalised(name);
    return this.#byName.get(host) ?? this.#byName.get(host.replace(/^[^.]+/, '*'));
  }
}

interface Known {
  readonly certificate: Certificate;
  readonly names: readonly string[];
  /** OpenSSL has room for one certificate of each. */
  readonly kind: string | undefined;
}

function knownAs(certificate: Certificate): Known {
  const { publicKey, subjectAltName } = certificateOf(certificate.cert);
  return { certificate, names: namesIn(subjectAltName), kind: publicKey.asymmetricKeyType };
}

function byName(known: readonly Known[]): ReadonlyMap<string, readonly Known[]> {
  const found = new Map<string, Known[]>();
  for (const each of known) {
    for (const name of each.names) found.set(name, [...(found.get(name) ?? []), each]);
  }
  return found;
}

function hasAll({ names }: Known, other: Known): boolean {
  return other.names.length > 0 && other.names.every(name => names.includes(name));
}

function firstOfEachKind(fitting: readonly Known[]): readonly Known[] {
  return fitting.filter(({ kind }, index) => fitting.findIndex(each => each.kind === kind) === index);
}

function certificateOf(cert: string): X509Certificate {
  try {
    return new X509Certificate(cert);
  } catch (cause) {
    throw new SallyportError('ERR_CERTIFICATE', 'not a PEM certificate', { cause });
  }
}

function namesIn(subjectAltName: string | undefined): readonly string[] {
  // Names that need quotes are none that a client could mean (CVE-2021-44532).
  return (subjectAltName?.split(', ') ?? []).flatMap(entry => {
    const [, kind, name = ''] = /^(DNS|IP Address):([^"]+)$/.exec(entry) ?? [];
    if (kind === undefined) return [];
    return [kind === 'DNS' ? name.toLowerCase() : normalised(name)];
  });
}

/** A name that came in UTF-8, as XMPP's do, becomes one of A-labels; an address has one form of many. */
function normalised(name: string): string {
  const text = Buffer.from(name, 'latin1').toString('utf8').replace(/\.$/, '');
  const address = text.replace(/^\[(.*)\]$/, '$1');
  return domainToASCII(isIP(address) === 6 ? `[${address}]` : address);
}
