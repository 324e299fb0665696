import { Buffer } from 'node:buffer';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { type Endpoint, type ProxyValue, proxyBlock, proxyLine, writeValues } from '../wire/proxy-header.ts';
import type { DialRequest } from './upstream-link.ts';

/** Types of the specification, sections 2.2.1 to 2.2.6. */
const ALPN = 0x01;
const AUTHORITY = 0x02;
const UNIQUE_ID = 0x05;
const SSL = 0x20;
const SSL_VERSION = 0x21;
const SSL_CN = 0x22;
const SSL_CIPHER = 0x23;

const CLIENT_SSL = 0x01;
const CLIENT_CERT_CONN = 0x02;
const CLIENT_CERT_SESS = 0x04;

/**
 * The PROXY header for the connection to an upstream: whose it is, and in version 2 what TLS negotiated. What the
 * client chose is in values with a length, so that it can end or forge nothing.
 */
export function proxyHeaderFor(version: 'v1' | 'v2', request: DialRequest): Uint8Array {
  const [remote, local] = [unmapped(request.remote), unmapped(request.local)];
  if (version === 'v1') return Buffer.from(proxyLine(remote, local), 'latin1');
  const id = { type: UNIQUE_ID, value: Buffer.from(request.session, 'latin1') };
  return proxyBlock(remote, local, [...(request.tls === undefined ? [] : tlsValues(request.tls)), id]);
}

/** A socket for both families shows IPv4 in the form of IPv6. */
function unmapped({ address, port }: Endpoint): Endpoint {
  return { address: address.replace(/^::ffff:(?=\d+\.)/i, ''), port };
}

function tlsValues(tls: TlsFacts): readonly ProxyValue[] {
  const { alpn, servername } = tls;
  return [
    ...(alpn === undefined ? [] : [text(ALPN, alpn)]),
    ...(servername === undefined ? [] : [text(AUTHORITY, servername)]),
    { type: SSL, value: sslValue(tls) },
  ];
}

function sslValue({ version, cipher, resumed, clientCertificate }: TlsFacts): Uint8Array {
  const certified = clientCertificate === undefined ? 0 : CLIENT_CERT_SESS | (resumed ? 0 : CLIENT_CERT_CONN);
  const verified = clientCertificate?.verified === true;
  const name = clientCertificate === undefined ? undefined : commonName(clientCertificate.subject);
  return Buffer.concat([
    Buffer.from([CLIENT_SSL | certified, 0, 0, 0, verified ? 0 : 1]),
    writeValues([
      text(SSL_VERSION, version),
      text(SSL_CIPHER, opensslName(cipher)),
      ...(name === undefined ? [] : [text(SSL_CN, name)]),
    ]),
  ]);
}

function text(type: number, value: string): ProxyValue {
  return { type, value: Buffer.from(value, 'utf8') };
}

/** The specification wants OpenSSL's name; those of TLS 1.3 are the same, those of 1.2 are of one pattern here. */
function opensslName(cipher: string): string {
  const parts = /^TLS_(ECDHE_(?:ECDSA|RSA))_WITH_(AES_(?:128|256)_GCM|CHACHA20_POLY1305)_(SHA\d+)$/.exec(
    cipher,
  );
  if (parts === null) return cipher;
  const [, exchange = '', bulk = '', hash = ''] = parts;
  const name = bulk.replace(/^AES_/, 'AES').replaceAll('_', '-');
  return `${exchange.replace('_', '-')}-${name}${bulk.startsWith('AES') ? `-${hash}` : ''}`;
}

/**
 * The most specific common name of a subject as `TlsFacts` has it: a comma within a value is escaped there, so that
 * one value cannot pass for two.
 */
function commonName(subject: string): string | undefined {
  const value = /(?:^|, )CN=((?:\\.|[^\\,])*)/.exec(subject)?.[1];
  return value?.replace(/\\(.)/g, '$1');
}
