import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../options.ts';

/** What a certificate says about OCSP responses for it. */
export interface StaplingFacts {
  readonly leaf: X509Certificate;
  /** Who has issued it, where that stands behind it in the chain. */
  readonly issuer: X509Certificate | undefined;
  /** Where to ask, `http:` or `https:` (RFC 5280 section 4.2.2.1); `undefined` where it names nobody. */
  readonly responder: string | undefined;
  /** Whether clients refuse it without a response (RFC 7633). */
  readonly mustStaple: boolean;
}

/** Reads a certificate chain that has been checked. */
export function staplingFacts({ cert }: Certificate): StaplingFacts {
  const pems = cert.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const [leaf = new X509Certificate(cert), ...chain] = pems.map(pem => new X509Certificate(pem));
  // Not in the types: without this extension Node gives undefined.
  const access: string | undefined = leaf.infoAccess;
  const [, responder] = /^OCSP - URI:(https?:\/\/[\x21\x23-\x7e]+)$/m.exec(access ?? '') ?? [];
  const issuer = chain.find(each => leaf.checkIssued(each) && leaf.verify(each.publicKey));
  return { leaf, issuer, responder, mustStaple: asksForStapling(leaf) };
}

/** The identifier 1.3.6.1.5.5.7.1.24, DER, and the feature status_request in its list. */
const TLS_FEATURE = Buffer.from('06082b06010505070118', 'hex');
const STATUS_REQUEST = Buffer.from([2, 1, 5]);
/** A list of features is no longer than this. */
const FEATURES = 32;

/** Node does not tell of this extension; what follows its identifier is a list of small numbers. */
function asksForStapling({ raw }: X509Certificate): boolean {
  const at = raw.indexOf(TLS_FEATURE);
  if (at < 0) return false;
  const value = raw.indexOf(0x04, at + TLS_FEATURE.length);
  return (
    value >= 0 &&
    raw
      .subarray(value + 2, value + 2 + FEATURES)
      .subarray(0, raw[value + 1])
      .includes(STATUS_REQUEST)
  );
}
