import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import type { TlsFacts } from '../../src/dialogue/tls-facts.ts';
import { proxyHeaderFor } from '../../src/net/proxy-values.ts';
import type { DialRequest } from '../../src/net/upstream-link.ts';
import { readProxyHeader, readValues } from '../../src/wire/proxy-header.ts';
import { TLS } from '../support/stage.ts';

const PLAIN: DialRequest = {
  session: 'abc-1',
  remote: { address: '192.0.2.1', port: 4711 },
  local: { address: '192.0.2.2', port: 25 },
  tls: undefined,
};

const CERTIFICATE = {
  subject: 'CN=Doe\\, Jane, O=Example',
  altNames: undefined,
  fingerprint: 'AB:CD',
  verified: true,
};

/** Types of values, as the specification numbers them. */
const SSL = 0x20;
const [VERSION, COMMON_NAME, CIPHER] = [0x21, 0x22, 0x23];

function headerFor(request: Partial<DialRequest>) {
  return readProxyHeader(proxyHeaderFor('v2', { ...PLAIN, ...request }))?.header;
}

/** The values of the header, by their types, as text. */
function valuesFor(tls: TlsFacts | undefined): ReadonlyMap<number, Buffer> {
  return new Map(headerFor({ tls })?.values.map(({ type, value }) => [type, Buffer.from(value)]));
}

/** What the header says of TLS: its bits, whether the certificate is verified (0), and the values within. */
function sslFor(tls: TlsFacts) {
  const value = valuesFor(tls).get(SSL) ?? Buffer.alloc(0);
  const within = readValues(value.subarray(5)).map(each => [each.type, Buffer.from(each.value).toString()]);
  return { bits: value[0], verify: value.readUInt32BE(1), values: Object.fromEntries(within) };
}

describe('src/net/proxy-values', () => {
  it('tells in version 1 who the client is, and no more', () => {
    const text = Buffer.from(proxyHeaderFor('v1', { ...PLAIN, tls: TLS })).toString();
    expect(text).to.equal('PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n');
  });

  it('takes IPv4 in the form of IPv6 for what it is', () => {
    const mapped = {
      remote: { address: '::ffff:192.0.2.1', port: 1 },
      local: { address: '::FFFF:192.0.2.2', port: 2 },
    };
    expect(headerFor(mapped)?.endpoints?.source.address).to.equal('192.0.2.1');
    expect(headerFor(mapped)?.endpoints?.destination.address).to.equal('192.0.2.2');
  });

  it('says nothing of TLS where there is none, and names the session', () => {
    const values = valuesFor(undefined);
    expect([...values.keys()]).to.not.include(SSL);
    expect(values.get(0x05)?.toString()).to.equal('abc-1');
  });

  it('tells the names that the client asked for, where it asked', () => {
    const named = valuesFor({ ...TLS, alpn: 'imap', servername: 'mail.example.org' });
    expect(named.get(0x01)?.toString()).to.equal('imap');
    expect(named.get(0x02)?.toString()).to.equal('mail.example.org');
    const nameless = valuesFor({ ...TLS, alpn: undefined, servername: undefined });
    expect([...nameless.keys()]).to.not.include.members([0x01, 0x02]);
  });

  it('names the cipher as OpenSSL does', () => {
    const names = [
      ['TLS_AES_256_GCM_SHA384', 'TLS_AES_256_GCM_SHA384'],
      ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
      ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
    ] as const;
    for (const [cipher, name] of names) {
      expect(sslFor({ ...TLS, cipher }).values).to.deep.equal({ [VERSION]: 'TLSv1.3', [CIPHER]: name });
    }
  });

  it('tells whether there is a client certificate, and whether it came on this connection', () => {
    expect(sslFor(TLS)).to.include({ bits: 0x01, verify: 1 });
    expect(sslFor({ ...TLS, clientCertificate: CERTIFICATE })).to.include({ bits: 0x07, verify: 0 });
    const resumed = sslFor({ ...TLS, resumed: true, clientCertificate: { ...CERTIFICATE, verified: false } });
    expect(resumed).to.include({ bits: 0x05, verify: 1 });
  });

  it('tells the common name of the client, its escapes undone, where it has one', () => {
    const named = sslFor({ ...TLS, clientCertificate: CERTIFICATE });
    expect(named.values[COMMON_NAME]).to.equal('Doe, Jane');
    const nameless = sslFor({ ...TLS, clientCertificate: { ...CERTIFICATE, subject: 'O=Not CN=this' } });
    expect(nameless.values).to.not.have.property(String(COMMON_NAME));
  });
});
