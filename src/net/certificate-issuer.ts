import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Certificate } from '../options.ts';

export interface CertificateRequest {
  /** Common name; for people. */
  readonly commonName: string;
  /** From yesterday, so that clocks may differ, to so many days from now; negative for one that has expired. */
  readonly days: number;
  /** Host names and IP addresses, as subject alternative names. */
  readonly names?: readonly string[];
  /** What the certificate is for. Default `server`. */
  readonly usage?: 'authority' | 'server' | 'client';
}

const DAY = 86_400_000;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * Issues a certificate with a new ECDSA P-256 key, signed by `authority`, or by itself where there is none.
 * The X.509 library is loaded at the first call: who brings a certificate does not pay for it.
 */
export async function issueCertificate(
  request: CertificateRequest,
  authority?: Certificate,
): Promise<Certificate> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const issuer = authority === undefined ? undefined : new x509.X509Certificate(authority.cert);
  const subject = new x509.Name([{ CN: [request.commonName] }]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `00${randomBytes(16).toString('hex')}`,
    subject: subject.toString(),
    issuer: issuer?.subject ?? subject.toString(),
    notBefore: new Date(Date.now() - DAY + Math.min(0, request.days * DAY)),
    notAfter: new Date(Date.now() + request.days * DAY),
    signingAlgorithm: CURVE,
    publicKey: keys.publicKey,
    signingKey: authority === undefined ? keys.privateKey : await importKey(authority.key),
    extensions: await extensionsOf(x509, request, keys.publicKey, issuer),
  });
  const key = KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString();
  return { cert: `${certificate.toString('pem')}\n`, key };
}

type X509 = typeof import('@peculiar/x509');

async function extensionsOf(
  x509: X509,
  { usage = 'server', names = [] }: CertificateRequest,
  publicKey: webcrypto.CryptoKey,
  issuer: InstanceType<X509['X509Certificate']> | undefined,
) {
  const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
  const own = await x509.SubjectKeyIdentifierExtension.create(publicKey);
  if (usage === 'authority') {
    const signs = new x509.KeyUsagesExtension(keyCertSign | cRLSign, true);
    return [new x509.BasicConstraintsExtension(true, 0, true), signs, own];
  }
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const altNames = names.map(value => ({
    type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
    value,
  }));
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([usage === 'client' ? clientAuth : serverAuth]),
    own,
    ...(issuer === undefined ? [] : [await x509.AuthorityKeyIdentifierExtension.create(issuer)]),
    ...(altNames.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(altNames)]),
  ];
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign']);
}
