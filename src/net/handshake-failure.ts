import type { TLSSocket } from 'node:tls';
import { type ErrorCode, SallyportError } from '../errors.ts';

/** Names the one reason for which a handshake failed, from what OpenSSL and Node say. */
export function handshakeFailure(error: Error, socket?: TLSSocket): SallyportError {
  const code = 'code' in error ? String(error.code) : '';
  const options = { cause: error };
  // Node has no alert for it: it closes, and tells it only here (_tls_wrap.js, onServerSocketSecure).
  // authorizationError is typed as Error, and null or a string in fact.
  if (socket?.authorizationError) {
    return new SallyportError('ERR_HANDSHAKE_CERTIFICATE', String(socket.authorizationError), options);
  }
  return new SallyportError(
    reasons.find(([pattern]) => pattern.test(code))?.[1] ?? 'ERR_HANDSHAKE_FAILED',
    code,
    options,
  );
}

const reasons: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/, 'ERR_HANDSHAKE_PEER_GONE'],
  [/^ERR_SSL_(SSL|TLS)\w*_ALERT_/, 'ERR_HANDSHAKE_ALERT'],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST|PACKET_LENGTH_TOO_LONG|DATA_LENGTH_TOO_LONG|UNKNOWN_PROTOCOL|BAD_RECORD_TYPE)$/,
    'ERR_HANDSHAKE_NOT_TLS',
  ],
  [
    /^ERR_SSL_(UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|UNSUPPORTED_SSL_VERSION|NO_PROTOCOLS_AVAILABLE)$/,
    'ERR_HANDSHAKE_VERSION',
  ],
  [/^ERR_SSL_(NO_SHARED_CIPHER|NO_SUITABLE_\w+|NO_SHARED_\w+|NO_CIPHERS_\w+)$/, 'ERR_HANDSHAKE_CIPHER'],
  [/^ERR_SSL_NO_APPLICATION_PROTOCOL$/, 'ERR_HANDSHAKE_ALPN'],
  [
    /^ERR_SSL_(PEER_DID_NOT_RETURN_A_CERTIFICATE|CERTIFICATE_VERIFY_FAILED|NO_CERTIFICATE\w*)$/,
    'ERR_HANDSHAKE_CERTIFICATE',
  ],
];

/** Names the reason for which a connection broke outside of a handshake. */
export function connectionFailure(error: Error): SallyportError {
  if (error instanceof SallyportError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const broken = code.startsWith('ERR_SSL_') ? 'ERR_TLS_RECORD' : 'ERR_CONNECTION';
  return new SallyportError(broken, code, { cause: error });
}
