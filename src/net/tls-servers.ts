import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { type Certificate, defaults, type TlsOptions } from '../options.ts';
import { CertificateChoice, type CertificateSet } from './certificate-choice.ts';

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

/** Hears how the handshakes end. */
export interface HandshakeReport {
  done(secure: tls.TLSSocket): void;
  failed(error: Error, secure: tls.TLSSocket): void;
}

/**
 * The secure contexts of a terminator, made once and shared by all connections, each beneath a `tls.Server` that never
 * listens: one for each set of certificates that a name can choose.
 *
 * Node's own choice by SNI is not used. It takes one certificate of a context where there are two side by side, and
 * Node 20 leaves those of the first context in place: a client that asked for a name with an RSA certificate got the
 * ECDSA one of another name.
 */
export class TlsServers {
  readonly #choice: CertificateChoice;
  readonly #bySet: ReadonlyMap<CertificateSet, tls.Server>;

  /** Throws ERR_CERTIFICATE for a key that is not its certificate's, and for what OpenSSL does not take. */
  constructor(options: TlsOptions, report: HandshakeReport) {
    const { certificate, certificates = defaults.certificates } = options;
    const all = [certificate, ...certificates];
    this.#choice = new CertificateChoice(all);
    for (const each of all) taken(() => checkKey(each));
    this.#bySet = new Map(this.#choice.sets.map(set => [set, serverOf(options, set)]));
    for (const server of this.#bySet.values()) {
      server.on('secureConnection', secure => report.done(secure));
      server.on('tlsClientError', (error, secure) => report.failed(error, secure));
    }
  }

  /** Whether the ClientHello has to be read before the server is known. */
  get dependOnHello(): boolean {
    return this.#bySet.size > 1;
  }

  /** By the name in the SNI, else by what the dialogue knows, else the one for clients without a name. */
  for(servername: string | undefined, name: string | undefined): tls.Server {
    const server = this.#bySet.get(this.#named(servername) ?? this.#named(name) ?? this.#choice.preset);
    if (server === undefined) throw new Error('certificates without a server');
    return server;
  }

  #named(name: string | undefined): CertificateSet | undefined {
    return name === undefined ? undefined : this.#choice.for(name);
  }
}

function serverOf(options: TlsOptions, set: CertificateSet): tls.Server {
  const { alpn, ca, minVersion } = options;
  const clientCertificate = options.clientCertificate ?? defaults.clientCertificate;
  return taken(() =>
    tls.createServer({
      cert: set.map(({ cert }) => cert),
      key: set.map(({ key, passphrase }) => ({
        pem: key,
        ...(passphrase === undefined ? {} : { passphrase }),
      })),
      ...(ca === undefined ? {} : { ca }),
      ciphers: CIPHERS,
      honorCipherOrder: true,
      minVersion: minVersion ?? defaults.minVersion,
      // Node's own limit on renegotiations is advisory (CVE-2011-1473).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(alpn === undefined || alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      handshakeTimeout: NODE_HANDSHAKE_TIMEOUT,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
    }),
  );
}

/** OpenSSL does not compare a key with a certificate of another kind, and some that are given may never be chosen. */
function checkKey({ cert, key, passphrase }: Certificate): void {
  const opened = createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) });
  if (!new X509Certificate(cert).checkPrivateKey(opened)) throw new Error('not the key of the certificate');
}

function taken<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SallyportError('ERR_CERTIFICATE', reason, { cause: error });
  }
}
