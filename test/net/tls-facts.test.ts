import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { tlsFacts } from '../../src/net/tls-facts.ts';

/** A TLS socket as far as facts are read from it; what it says differs between versions of Node. */
function socket(says: Record<string, unknown>): TLSSocket {
  const nothing = {
    getProtocol: () => null,
    getCipher: () => null,
    isSessionReused: () => false,
    getPeerX509Certificate: () => undefined,
    getEphemeralKeyInfo: () => null,
  };
  return { ...nothing, ...says } as unknown as TLSSocket; // nothing else of it is used
}

describe('src/net/tls-facts', () => {
  it('does without what a socket that is gone no longer tells', () => {
    for (const none of [
      {},
      { servername: false, alpnProtocol: false },
      { servername: null, alpnProtocol: null },
    ]) {
      expect(tlsFacts(socket(none))).to.deep.equal({
        version: 'unknown',
        cipher: 'unknown',
        group: undefined,
        servername: undefined,
        alpn: undefined,
        resumed: false,
        clientCertificate: undefined,
      });
    }
  });

  it('tells the group of the key exchange where Node does', () => {
    const groups: [unknown, string | undefined][] = [
      [null, undefined],
      [{}, undefined],
      [{ type: 'ECDH', name: 'X25519', size: 253 }, 'X25519'],
      [{ type: 'TLSGroup', name: 'X25519MLKEM768' }, 'X25519MLKEM768'],
    ];
    for (const [key, group] of groups) {
      expect(tlsFacts(socket({ getEphemeralKeyInfo: () => key })).group).to.equal(group);
    }
  });

  it('tells the subject of a certificate most specific first', () => {
    const certificate = {
      subject: 'C=NL\nO=Example\nCN=alice',
      subjectAltName: undefined,
      fingerprint256: 'AB',
    };
    const facts = tlsFacts(socket({ getPeerX509Certificate: () => certificate, authorized: true }));
    expect(facts.clientCertificate).to.deep.equal({
      subject: 'CN=alice, O=Example, C=NL',
      altNames: undefined,
      fingerprint: 'AB',
      verified: true,
    });
  });
});
