import { Buffer } from 'node:buffer';
import { createHash, type X509Certificate } from 'node:crypto';
import { CertID, OCSPRequest, Request, TBSRequest } from '@peculiar/asn1-ocsp';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Certificate } from '@peculiar/asn1-x509';

/** The certificate that is asked about, and who has issued it. */
export interface Asked {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate;
}

/** Hashes by which a certificate can be named, by their identifiers. */
const hashes: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** The one that every responder has to know (RFC 5019 section 2.1.1); nothing rests upon its strength here. */
const SHA1 = '1.3.14.3.2.26';

/** A request about one certificate, DER: unsigned and without a nonce, as it is for all clients (RFC 5019). */
export function ocspRequest(asked: Asked): Uint8Array {
  const certId = certIdOf(asked, SHA1);
  if (certId === undefined) throw new Error('SHA-1 is known');
  const request = new OCSPRequest({
    tbsRequest: new TBSRequest({ requestList: [new Request({ reqCert: certId })] }),
  });
  return new Uint8Array(AsnConvert.serialize(request));
}

/** Whether a response is about the certificate (RFC 6960 section 4.1.1). */
export function isAbout(certId: CertID, asked: Asked): boolean {
  const own = certIdOf(asked, certId.hashAlgorithm.algorithm);
  return (
    own !== undefined &&
    same(own.issuerNameHash.buffer, certId.issuerNameHash.buffer) &&
    same(own.issuerKeyHash.buffer, certId.issuerKeyHash.buffer) &&
    same(own.serialNumber, certId.serialNumber)
  );
}

export function same(one: ArrayBuffer, other: ArrayBuffer): boolean {
  return Buffer.from(one).equals(Buffer.from(other));
}

/** The certificate as the library reads it. */
export function parsed({ raw }: X509Certificate): Certificate {
  return AsnConvert.parse(raw, Certificate);
}

function certIdOf({ leaf, issuer }: Asked, algorithm: string): CertID | undefined {
  const hash = hashes[algorithm];
  if (hash === undefined) return undefined;
  const { issuer: name, serialNumber } = parsed(leaf).tbsCertificate;
  const { subjectPublicKey } = parsed(issuer).tbsCertificate.subjectPublicKeyInfo;
  const digest = (bytes: ArrayBuffer) =>
    new OctetString(createHash(hash).update(Buffer.from(bytes)).digest());
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm, parameters: null }),
    issuerNameHash: digest(AsnConvert.serialize(name)),
    issuerKeyHash: digest(subjectPublicKey),
    serialNumber,
  });
}
