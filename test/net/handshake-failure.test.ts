import { expect } from 'chai';
import { SallyportError } from '../../src/errors.ts';
import { connectionFailure, handshakeFailure } from '../../src/net/handshake-failure.ts';

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('src/net/handshake-failure', () => {
  const cases: [string, string][] = [
    ['ECONNRESET', 'ERR_HANDSHAKE_PEER_GONE'],
    ['EPIPE', 'ERR_HANDSHAKE_PEER_GONE'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_HANDSHAKE_ALERT'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'ERR_HANDSHAKE_ALERT'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_HANDSHAKE_NOT_TLS'],
    ['ERR_SSL_HTTP_REQUEST', 'ERR_HANDSHAKE_NOT_TLS'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_HANDSHAKE_VERSION'],
    ['ERR_SSL_NO_SHARED_CIPHER', 'ERR_HANDSHAKE_CIPHER'],
    ['ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', 'ERR_HANDSHAKE_CIPHER'],
    ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'ERR_HANDSHAKE_ALPN'],
    ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'ERR_HANDSHAKE_CERTIFICATE'],
    ['ERR_SSL_DIGEST_CHECK_FAILED', 'ERR_HANDSHAKE_FAILED'],
  ];
  for (const [code, reason] of cases) {
    it(`takes ${code} for ${reason}, and keeps the cause`, () => {
      const cause = failure(code);
      expect(handshakeFailure(cause)).to.include({ code: reason, cause });
    });
  }

  it('takes what has no code for a failed handshake', () => {
    expect(handshakeFailure(new Error('?')).code).to.equal('ERR_HANDSHAKE_FAILED');
  });

  it('tells a corrupt record from a broken connection', () => {
    expect(connectionFailure(failure('ERR_SSL_WRONG_VERSION_NUMBER')).code).to.equal('ERR_TLS_RECORD');
    expect(connectionFailure(failure('ECONNRESET')).code).to.equal('ERR_CONNECTION');
    expect(connectionFailure(new Error('?')).code).to.equal('ERR_CONNECTION');
    const known = new SallyportError('ERR_SOCKET');
    expect(connectionFailure(known)).to.equal(known);
  });
});
