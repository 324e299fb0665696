import * as tls from 'node:tls';
import { expect } from 'chai';
import { line } from '../../protocol/index.ts';
import { tlsFacts } from '../../src/net/tls-facts.ts';
import { serving, stopServing } from '../support/serving.ts';

/** A TLS socket as far as facts are read from it; what it says differs between versions of Node. */
function socket(says: Record<string, unknown>): tls.TLSSocket {
  const nothing = {
    getProtocol: () => null,
    getCipher: () => null,
    isSessionReused: () => false,
    getPeerX509Certificate: () => undefined,
    getEphemeralKeyInfo: () => null,
  };
  return { ...nothing, ...says } as unknown as tls.TLSSocket; // nothing else of it is used
}

describe('src/net/tls-facts', () => {
  afterEach(stopServing);

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

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`are told of a client that leaves right behind its handshake, ${maxVersion}`, async () => {
      const { port, over } = await serving(line, { tls: 'implicit' });
      const secure = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion });
      secure.on('error', () => {}).once('secureConnect', () => secure.end());
      const [end] = await over(1);
      expect(end?.tls).to.include({ version: maxVersion, resumed: false });
    });
  }
});
