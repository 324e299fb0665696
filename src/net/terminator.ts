import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { defaults, type TlsOptions } from '../options.ts';
import { handshakeFailure } from './handshake-failure.ts';

/**
 * For TLS 1.2 only AEAD with forward secrecy, ECDHE (no CBC: Lucky13; no DHE: D(HE)at). For 1.3, which all
 * are, OpenSSL's order.
 */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** Node's own handshake timer only reports, and is ours to ignore: it must never be the first to fire. */
const NODE_HANDSHAKE_TIMEOUT = 2 ** 31 - 1;

interface Handshake {
  readonly resolve: (secure: tls.TLSSocket) => void;
  readonly reject: (error: SallyportError) => void;
  readonly timer: NodeJS.Timeout;
  readonly gone: () => void;
}

/**
 * Terminates TLS on sockets that it is given. The secure context is built once and shared by all of them: one
 * for each connection costs 3.4 times the CPU and ends resumption.
 *
 * Beneath is a `tls.Server` that never listens and is fed by its documented `connection` event: unlike a
 * bare `TLSSocket`, it refuses untrusted client certificates, and errors after the handshake do surface.
 */
export class TlsTerminator {
  readonly #server: tls.Server;
  readonly #handshakes = new Map<Socket, Handshake>();

  /** Throws ERR_CERTIFICATE where OpenSSL does not take the certificate, its key or the authorities. */
  constructor(options: TlsOptions) {
    this.#server = serverOf(options);
    this.#server.on('secureConnection', secure => this.#done(secure));
    this.#server.on('tlsClientError', (error, secure) => {
      const socket = rawSocket(secure);
      this.#failed(socket, handshakeFailure(error, secure));
      // Node only reports (a timeout, an alert): without this the socket stays open for ever.
      secure.destroy();
      socket.destroy();
    });
  }

  /** Handshakes under way. */
  get pending(): number {
    return this.#handshakes.size;
  }

  /**
   * Wraps the socket, in this very tick, and does the handshake within `timeout` ms. Bytes in the socket's
   * own read buffer go to TLS. Rejects with one typed reason; the socket is destroyed then.
   */
  accept(socket: Socket, timeout: number): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#failed(socket, new SallyportError('ERR_HANDSHAKE_TIMEOUT'));
        socket.destroy();
      }, timeout);
      // `close` is the only event that comes on every path; a TLS error that explains it comes in the same turn.
      const gone = () => {
        setImmediate(() => this.#failed(socket, new SallyportError('ERR_HANDSHAKE_PEER_GONE')));
      };
      this.#handshakes.set(socket, { resolve, reject, timer, gone });
      socket.once('close', gone);
      this.#server.emit('connection', socket);
    });
  }

  #done(secure: tls.TLSSocket): void {
    const handshake = this.#take(rawSocket(secure));
    // After the handshake, too, Node only reports: a corrupt record would leave a zombie.
    secure.on('error', () => secure.destroy());
    if (handshake === undefined) secure.destroy();
    else handshake.resolve(secure);
  }

  #failed(socket: Socket, error: SallyportError): void {
    this.#take(socket)?.reject(error);
  }

  #take(socket: Socket): Handshake | undefined {
    const handshake = this.#handshakes.get(socket);
    if (handshake === undefined) return undefined;
    this.#handshakes.delete(socket);
    clearTimeout(handshake.timer);
    socket.off('close', handshake.gone);
    return handshake;
  }
}

function serverOf(options: TlsOptions): tls.Server {
  const { certificate, ca, alpn } = options;
  const clientCertificate = options.clientCertificate ?? defaults.clientCertificate;
  try {
    return tls.createServer({
      ...certificate,
      ...(ca === undefined ? {} : { ca }),
      ...(alpn === undefined || alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ciphers: CIPHERS,
      handshakeTimeout: NODE_HANDSHAKE_TIMEOUT,
      honorCipherOrder: true,
      minVersion: options.minVersion ?? defaults.minVersion,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
      // Node's own limit on renegotiations is advisory (CVE-2011-1473).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SallyportError('ERR_CERTIFICATE', reason, { cause: error });
  }
}

/**
 * The socket beneath. `_parent` is internal to Node and has been there since version 0.12; nothing public
 * leads from a `secureConnection` back to the socket that was fed in (tests hold it on each Node we support).
 */
function rawSocket(secure: tls.TLSSocket): Socket {
  return (secure as unknown as { readonly _parent: Socket })._parent; // not in the types, see above
}
