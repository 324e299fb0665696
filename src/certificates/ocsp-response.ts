import { Buffer } from 'node:buffer';
import { createHash, verify, X509Certificate } from 'node:crypto';
import {
  BasicOCSPResponse,
  id_kp_OCSPSigning,
  id_pkix_ocsp_basic,
  OCSPResponse,
  OCSPResponseStatus,
  type ResponderID,
  type SingleResponse,
} from '@peculiar/asn1-ocsp';
import { AsnConvert } from '@peculiar/asn1-schema';
import { type Asked, isAbout, parsed, same } from './ocsp-request.ts';

/** What a responder says of a certificate. */
export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown';
  /** In milliseconds since 1970; without the second, there is always something newer. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
}

/** By how much the responder's clock may be ahead of ours. That a response is over is seen by the clients' clocks. */
const SKEW = 300_000;

/**
 * Reads a response, DER, and holds it to RFC 6960 section 3.2: about this certificate, signed by its issuer or by whom that
 * has made its responder, and of this time. Throws an `Error` whose message says what is wrong with it.
 */
export function readOcspResponse(der: Uint8Array, asked: Asked, now: number): OcspAnswer {
  const response = basicResponse(der);
  checkSignature(response, asked, now);
  const { responses, responseExtensions = [] } = response.tbsResponseData;
  const single = responses.find(({ certID }) => isAbout(certID, asked));
  if (single === undefined) throw new Error('it is about another certificate');
  const extensions = [...responseExtensions, ...(single.singleExtensions ?? [])];
  if (extensions.some(({ critical }) => critical)) throw new Error('it has a critical extension');
  const thisUpdate = single.thisUpdate.getTime();
  const nextUpdate = single.nextUpdate?.getTime();
  if (thisUpdate > now + SKEW) throw new Error('it is of the future');
  if (nextUpdate !== undefined && nextUpdate <= now) throw new Error('it is out of date');
  return { status: statusOf(single), thisUpdate, nextUpdate };
}

function statusOf({ certStatus }: SingleResponse): OcspAnswer['status'] {
  if (certStatus.revoked !== undefined) return 'revoked';
  return certStatus.good === undefined ? 'unknown' : 'good';
}

function basicResponse(der: Uint8Array): BasicOCSPResponse {
  const response = read('it is no OCSP response', () => {
    if (lengthOf(der) !== der.length) throw new Error('cut off, or followed by something');
    return AsnConvert.parse(der, OCSPResponse);
  });
  const { responseStatus, responseBytes } = response;
  if (responseStatus !== OCSPResponseStatus.successful) {
    throw new Error(`the responder says ${OCSPResponseStatus[responseStatus] ?? 'nothing that is known'}`);
  }
  if (responseBytes?.responseType !== id_pkix_ocsp_basic) throw new Error('it is of another type');
  return read('it is damaged', () => AsnConvert.parse(responseBytes.response.buffer, BasicOCSPResponse));
}

function read<T>(fault: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(fault, { cause });
  }
}

/** Of a DER value with its header: what is behind it would be stapled as well. */
function lengthOf(der: Uint8Array): number {
  const [, first = 0] = der;
  if (first < 0x80) return 2 + first;
  const width = Math.min(first - 0x80, 4);
  return 2 + width + Buffer.from(der).readUIntBE(2, width);
}

/** The signatures that authorities use, by their identifiers. SHA-1 is not among them. */
const algorithms: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};

function checkSignature(
  response: BasicOCSPResponse & { tbsResponseDataRaw?: ArrayBuffer },
  asked: Asked,
  now: number,
) {
  const { signature, tbsResponseData, tbsResponseDataRaw } = response;
  const algorithm = algorithms[response.signatureAlgorithm.algorithm];
  if (algorithm === undefined) throw new Error('it is signed by an algorithm that is not known');
  if (tbsResponseDataRaw === undefined) throw new Error('it is not signed');
  const signed = Buffer.from(tbsResponseDataRaw);
  const delegates = (response.certs ?? []).map(
    each => new X509Certificate(Buffer.from(AsnConvert.serialize(each))),
  );
  const able = [asked.issuer, ...delegates.filter(each => isResponder(each, asked.issuer, now))];
  const named = able.filter(each => isNamed(each, tbsResponseData.responderID));
  if (named.length === 0) throw new Error('it is signed by somebody who may not');
  if (!named.some(each => verify(algorithm, signed, each.publicKey, Buffer.from(signature)))) {
    throw new Error('its signature is wrong');
  }
}

/** RFC 6960 section 4.2.2.2: the issuer has said so itself, in a certificate for this purpose. */
function isResponder(delegate: X509Certificate, issuer: X509Certificate, now: number): boolean {
  // Not in the types: without this extension Node gives undefined.
  const purposes: readonly string[] | undefined = delegate.keyUsage;
  return (
    purposes?.includes(id_kp_OCSPSigning) === true &&
    delegate.checkIssued(issuer) &&
    delegate.verify(issuer.publicKey) &&
    Date.parse(delegate.validFrom) <= now + SKEW &&
    now < Date.parse(delegate.validTo)
  );
}

function isNamed(certificate: X509Certificate, { byName, byKey }: ResponderID): boolean {
  const { subject, subjectPublicKeyInfo } = parsed(certificate).tbsCertificate;
  if (byName !== undefined) return same(AsnConvert.serialize(subject), AsnConvert.serialize(byName));
  const key = createHash('sha1').update(Buffer.from(subjectPublicKeyInfo.subjectPublicKey)).digest();
  return byKey !== undefined && key.equals(Buffer.from(byKey.buffer));
}
