import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';

/** No chain is as long; a loop of certificates that issue each other ends here. */
const MAX_LENGTH = 16;

/**
 * The certificates that Node has of the other end, its own first and each followed by its issuer's. Node sorts them
 * and adds a trusted root, so this tells neither the order in which they came nor whether the root did.
 */
export function peerChain(secure: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = secure.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < MAX_LENGTH) {
    const certificate = new X509Certificate(next.raw);
    chain.push(certificate);
    // A root is its own issuer.
    if (next.issuerCertificate?.fingerprint256 === next.fingerprint256) break;
    next = next.issuerCertificate;
  }
  return chain;
}
