import { Buffer } from 'node:buffer';
import { isIP, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';
import { handshakeFailure } from './handshake-failure.ts';

export interface ConnectTlsOptions {
  /**
   * The name or address that the certificate must be for; a name is sent as SNI. Default: none is sent, and the
   * certificate is not compared with a name.
   */
  readonly servername?: string;
  /** PEM of the authorities that are trusted. Default: those of Node. */
  readonly ca?: string;
  /** Whether the certificate must be valid, and for `servername`. Default `true`. */
  readonly verify?: boolean;
  /** Our own certificate, for a server that asks for one. Default: none. */
  readonly clientCertificate?: Certificate;
  /** ALPN ids to offer. Default: none. */
  readonly alpn?: readonly string[];
  /** Default: Node's, TLS 1.2. */
  readonly minVersion?: tls.SecureVersion;
  /** Default: Node's, TLS 1.3. */
  readonly maxVersion?: tls.SecureVersion;
  /** In OpenSSL's words. Default: Node's. */
  readonly ciphers?: string;
  /** An earlier session with this server, to be resumed. Default: none. */
  readonly session?: Uint8Array;
  /** Called with the TLS socket before its handshake begins: to listen to what comes with it. Default: nothing. */
  readonly prepare?: (secure: tls.TLSSocket) => void;
  /** Whether the server is asked for an OCSP response (RFC 6066 section 8). Default `false`. */
  readonly requestOcsp?: boolean;
  /** For the handshake, in milliseconds. */
  readonly timeout: number;
}

/**
 * Turns TLS on as its client, on a connected socket of which nothing is read any more; the ClientHello leaves in
 * this tick. Bytes that the socket holds already came before TLS: they are ERR_PLAINTEXT_AFTER_UPGRADE
 * (CVE-2021-38371), and nothing is sent.
 *
 * Resolves with the TLS socket, on which errors already destroy. Rejects with one typed reason, an ERR_HANDSHAKE_…
 * or ERR_SERVER_CERTIFICATE with OpenSSL's name of the fault; the socket is destroyed then.
 */
export async function connectTls(socket: Socket, options: ConnectTlsOptions): Promise<tls.TLSSocket> {
  if (socket.readableLength > 0) {
    socket.destroy();
    throw new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE');
  }
  // TLS over a dead socket would neither fail nor end, ever.
  if (socket.destroyed || !socket.writable) throw new SallyportError('ERR_HANDSHAKE_PEER_GONE');
  const secure = wrap(socket, options);
  try {
    await handshake(socket, secure, options.timeout);
    checkCertificate(secure, options);
    // After the handshake Node only reports: a corrupt record would leave a zombie.
    secure.on('error', () => secure.destroy());
    return secure;
  } catch (error) {
    secure.on('error', () => {});
    secure.destroy();
    socket.destroy();
    throw error;
  }
}

function wrap(socket: Socket, options: ConnectTlsOptions): tls.TLSSocket {
  const { servername, ca, clientCertificate, alpn, minVersion, maxVersion, ciphers, session } = options;
  try {
    const secure = tls.connect({
      socket,
      // Ours to judge, so that the fault has a name and not only a message.
      rejectUnauthorized: false,
      ...(servername === undefined ? { checkServerIdentity: () => undefined } : { host: servername }),
      // An address is no SNI (RFC 6066 section 3).
      ...(servername === undefined || isIP(servername) !== 0 ? {} : { servername }),
      ...(ca === undefined ? {} : { ca }),
      ...clientCertificate,
      ...(alpn === undefined || alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(minVersion === undefined ? {} : { minVersion }),
      ...(maxVersion === undefined ? {} : { maxVersion }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(session === undefined ? {} : { session: Buffer.from(session) }),
      ...(options.requestOcsp === true ? { requestOCSP: true } : {}),
    });
    options.prepare?.(secure);
    return secure;
  } catch (error) {
    socket.destroy();
    const reason = error instanceof Error ? error.message : String(error);
    throw new SallyportError('ERR_CERTIFICATE', reason, { cause: error });
  }
}

function handshake(socket: Socket, secure: tls.TLSSocket, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => fail(new SallyportError('ERR_HANDSHAKE_TIMEOUT')), timeout);
    const fail = (error: SallyportError) => {
      clearTimeout(late);
      reject(error);
    };
    // `close` is the only event that comes on every path; an error that explains it comes in the same turn.
    const gone = () => setImmediate(() => fail(new SallyportError('ERR_HANDSHAKE_PEER_GONE')));
    socket.once('close', gone);
    secure.once('error', error => fail(handshakeFailure(error)));
    secure.once('secureConnect', () => {
      clearTimeout(late);
      socket.off('close', gone);
      resolve();
    });
  });
}

function checkCertificate(secure: tls.TLSSocket, { verify = true }: ConnectTlsOptions): void {
  if (!verify || secure.authorized) return;
  // Typed as Error, and a string in fact.
  throw new SallyportError('ERR_SERVER_CERTIFICATE', String(secure.authorizationError));
}
