import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { type Certificate, defaults, type TlsOptions } from '../options.ts';
import { CertificateChoice } from './certificate-choice.ts';
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
 * Terminates TLS on sockets that it is given. The secure contexts are built once and shared by all of them: one
 * for each connection costs 3.4 times the CPU and ends resumption.
 *
 * Beneath each certificate is a `tls.Server` that never listens and is fed by its documented `connection` event:
 * unlike a bare `TLSSocket`, it refuses untrusted client certificates, and errors after the handshake do surface.
 */
export class TlsTerminator {
  /** The first one is for clients whose name is not known. */
  readonly #servers: ReadonlyMap<Certificate, tls.Server>;
  readonly #choice: CertificateChoice;
  readonly #handshakes = new Map<Socket, Handshake>();

  /** Throws ERR_CERTIFICATE where OpenSSL does not take a certificate, its key or the authorities. */
  constructor(options: TlsOptions) {
    const certificates = [options.certificate, ...(options.certificates ?? defaults.certificates)];
    this.#choice = new CertificateChoice(certificates);
    const chosenByName = contextByName(options, certificates, this.#choice);
    this.#servers = new Map(certificates.map(each => [each, serverOf(options, each, chosenByName)]));
    for (const server of this.#servers.values()) this.#attach(server);
  }

  /** Handshakes under way. */
  get pending(): number {
    return this.#handshakes.size;
  }

  /**
   * Wraps the socket, in this very tick, and does the handshake within `timeout` ms. Bytes in the socket's
   * own read buffer go to TLS. `name` chooses the certificate where the client's SNI does not. Rejects with one
   * typed reason; the socket is destroyed then.
   */
  accept(socket: Socket, timeout: number, name?: string): Promise<tls.TLSSocket> {
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
      this.#serverFor(name).emit('connection', socket);
    });
  }

  #serverFor(name: string | undefined): tls.Server {
    const chosen = name === undefined ? undefined : this.#choice.for(name);
    const [first] = this.#servers.values();
    const server = chosen === undefined ? first : this.#servers.get(chosen);
    if (server === undefined) throw new Error('a certificate without a server');
    return server;
  }

  #attach(server: tls.Server): void {
    server.on('secureConnection', secure => this.#done(secure));
    server.on('tlsClientError', (error, secure) => {
      const socket = rawSocket(secure);
      this.#failed(socket, handshakeFailure(error, secure));
      // Node only reports (a timeout, an alert): without this the socket stays open for ever.
      secure.destroy();
      socket.destroy();
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

type ContextByName = (name: string) => tls.SecureContext | undefined;

/** What SNI needs; nothing where there is but one certificate. */
function contextByName(
  options: TlsOptions,
  certificates: readonly Certificate[],
  choice: CertificateChoice,
): ContextByName | undefined {
  if (certificates.length === 1) return undefined;
  const contexts = new Map(
    certificates.map(each => [each, taken(() => tls.createSecureContext(contextOptions(options, each)))]),
  );
  return name => {
    const chosen = choice.for(name);
    return chosen === undefined ? undefined : contexts.get(chosen);
  };
}

function serverOf(
  options: TlsOptions,
  certificate: Certificate,
  chosenByName: ContextByName | undefined,
): tls.Server {
  const { alpn } = options;
  const clientCertificate = options.clientCertificate ?? defaults.clientCertificate;
  return taken(() =>
    tls.createServer({
      ...contextOptions(options, certificate),
      ...(alpn === undefined || alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(chosenByName === undefined ? {} : { SNICallback: sniCallback(chosenByName) }),
      handshakeTimeout: NODE_HANDSHAKE_TIMEOUT,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
    }),
  );
}

/** All of it for every certificate: without `ca`, SNI would lead to the public authorities as those of clients. */
function contextOptions({ ca, minVersion }: TlsOptions, certificate: Certificate): tls.SecureContextOptions {
  return {
    ...certificate,
    ...(ca === undefined ? {} : { ca }),
    ciphers: CIPHERS,
    honorCipherOrder: true,
    minVersion: minVersion ?? defaults.minVersion,
    // Node's own limit on renegotiations is advisory (CVE-2011-1473).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/** A name that no certificate has gets the one that it would have got without a name. */
function sniCallback(chosenByName: ContextByName): tls.TlsOptions['SNICallback'] {
  return (name, done) => {
    let context: tls.SecureContext | undefined;
    try {
      context = chosenByName(name);
    } catch {
      // What is thrown in here would end the process (CVE-2026-21637).
    }
    done(null, context);
  };
}

function taken<T>(make: () => T): T {
  try {
    return make();
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
