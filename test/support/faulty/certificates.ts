import 'reflect-metadata';
import { Buffer } from 'node:buffer';
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Certificate } from '../../../src/options.ts';

const DAY = 86_400_000;

/** A certificate as it may go wrong; days count from now. */
export interface Request {
  readonly name?: string;
  readonly from?: number;
  readonly to?: number;
  /** Bits of an RSA key. Default: an ECDSA key on P-256. */
  readonly rsa?: number;
  readonly hash?: 'SHA-256' | 'SHA-1';
  readonly authority?: boolean;
}

/** Issues a certificate for localhost, by `issuer` or by itself. */
export async function issue(request: Request = {}, issuer?: Certificate): Promise<Certificate> {
  const { name = 'localhost', from = -1, to = 300, rsa, authority = false, hash = 'SHA-256' } = request;
  const algorithm = algorithmOf(rsa, hash);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const signer = issuer === undefined ? undefined : await signerOf(issuer, hash);
  const subject = `CN=${name}`;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `00${randomBytes(16).toString('hex')}`,
    subject,
    issuer: signer?.subject ?? subject,
    notBefore: new Date(Date.now() + from * DAY),
    notAfter: new Date(Date.now() + to * DAY + 60_000),
    signingAlgorithm: signer?.algorithm ?? algorithm,
    publicKey: keys.publicKey,
    signingKey: signer?.key ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(authority, undefined, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString();
  return { cert: `${certificate.toString('pem')}\n`, key };
}

function algorithmOf(rsa: number | undefined, hash: string) {
  if (rsa === undefined) return { name: 'ECDSA', namedCurve: 'P-256', hash };
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength: rsa, publicExponent, hash };
}

/** Authorities are made with ECDSA only. */
async function signerOf(issuer: Certificate, hash: string) {
  const algorithm = algorithmOf(undefined, hash);
  const der = Buffer.from(issuer.key.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const key = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  return { algorithm, key, subject: new x509.X509Certificate(issuer.cert).subject };
}
