import type { X509Certificate } from 'node:crypto';
import { printable } from '../wire/printable.ts';
import {
  certificateFacts,
  hasWeakKey,
  hasWeakSignature,
  isFor,
  isIssuedBy,
  isSelfSigned,
} from './certificate-facts.ts';
import { type Check, type Checks, foundIf, notTried } from './check.ts';
import type { FirstTls } from './first-visit.ts';
import type { Probing } from './probing.ts';
import { sentChain } from './sent-chain.ts';

/** What is wrong with the certificate, and with those that it came with. */
export const certificateChecks = {
  'certificate-name': judge((leaf, { subject }) =>
    isFor(leaf, subject.servername)
      ? undefined
      : `it is for ${printable(leaf.subjectAltName ?? leaf.subject ?? 'no name at all')}, not for ${subject.servername}`,
  ),
  'certificate-expired': judgeEach(certificate =>
    Date.parse(certificate.validTo) < Date.now() ? `it expired on ${certificate.validTo}` : undefined,
  ),
  'certificate-not-yet-valid': judgeEach(certificate =>
    Date.parse(certificate.validFrom) > Date.now() ? `it is valid from ${certificate.validFrom}` : undefined,
  ),
  'certificate-expires-soon': judgeEach((certificate, { subject }) => {
    const { daysLeft } = certificateFacts(certificate, Date.now());
    const soon = daysLeft >= 0 && daysLeft < subject.options.expiryDays;
    return soon ? `it expires on ${certificate.validTo}, in ${daysLeft} days` : undefined;
  }),
  'certificate-untrusted': judge((leaf, _, tls) => {
    if (tls.fault === undefined || NOT_ABOUT_TRUST.has(tls.fault) || comesAlone(leaf, tls)) return undefined;
    // OpenSSL finds a key or a signature too weak to be verified at all, and Node has no name for that.
    return tls.fault === 'UNSPECIFIED' && tls.chain.some(isWeak) ? undefined : tls.fault;
  }),
  'chain-incomplete': judge((leaf, _, tls) => (comesAlone(leaf, tls) ? tls.fault : undefined)),
  'chain-order': async probing => {
    const sent = await sentChain(probing);
    if (sent === undefined) return notTried('only TLS 1.2 shows the certificates in their order');
    const at = sent.findIndex((each, index) => index > 0 && !isIssuedBy(sent[index - 1] ?? each, each));
    const fault = `certificate ${at + 1} of ${sent.length} is not the issuer of the one before it`;
    return foundIf(at < 0 ? undefined : fault, probing.first.moments);
  },
  'root-sent': async probing => {
    const sent = await sentChain(probing);
    if (sent === undefined) return notTried('only TLS 1.2 shows which certificates are sent');
    const root = sent.slice(1).find(isSelfSigned);
    const fault = root === undefined ? undefined : certificateFacts(root, Date.now()).subject;
    return foundIf(fault, probing.first.moments);
  },
  'weak-key': judgeEach(certificate =>
    hasWeakKey(certificate) ? `its key is ${certificateFacts(certificate, Date.now()).key}` : undefined,
  ),
  'weak-signature': judgeEach(certificate =>
    hasWeakSignature(certificate)
      ? `it is signed with ${certificateFacts(certificate, Date.now()).signature}`
      : undefined,
  ),
} as const satisfies Checks;

/** What other checks find. */
const NOT_ABOUT_TRUST: ReadonlySet<string> = new Set([
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
]);

const NO_ISSUER: ReadonlySet<string | undefined> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function comesAlone(leaf: X509Certificate, { chain, fault }: FirstTls): boolean {
  return NO_ISSUER.has(fault) && chain.length === 1 && !isSelfSigned(leaf);
}

function isWeak(certificate: X509Certificate): boolean {
  return hasWeakKey(certificate) || hasWeakSignature(certificate);
}

type Judge = (leaf: X509Certificate, probing: Probing, tls: FirstTls) => string | undefined;

function judge(faultOf: Judge): Check {
  return probing => {
    const { tls, moments } = probing.first;
    const leaf = tls?.chain[0];
    if (tls === undefined || leaf === undefined) return notTried('the server showed no certificate');
    return foundIf(faultOf(leaf, probing, tls), moments);
  };
}

/** Judges every certificate; the details name the one that is meant. */
function judgeEach(faultOf: (certificate: X509Certificate, probing: Probing) => string | undefined): Check {
  return judge((_, probing, { chain }) => {
    const faults = chain.flatMap(certificate => {
      const fault = faultOf(certificate, probing);
      const { subject } = certificateFacts(certificate, Date.now());
      return fault === undefined ? [] : [`${subject === '' ? 'the one without a name' : subject}: ${fault}`];
    });
    return faults.length === 0 ? undefined : faults.join('; ');
  });
}
