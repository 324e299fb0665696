import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { type Certificate, defaults, type TicketKeySource, type TlsOptions } from '../options.ts';
import { CertificateChoice, type CertificateSet } from './certificate-choice.ts';
import { sealTickets } from './seal-tickets.ts';

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
  readonly #bySet = new Map<CertificateSet, tls.Server>();
  /** By a digest of all that they are made of. */
  readonly #byMakeup = new Map<string, tls.Server>();

  /**
   * Takes over from `previous` the servers of which nothing is different. Throws ERR_CERTIFICATE for a key that is not
   * its certificate's, and for what OpenSSL does not take.
   */
  constructor(options: ContextOptions, report: HandshakeReport, previous?: TlsServers) {
    const { certificate, certificates = defaults.certificates } = options;
    const all = [certificate, ...certificates];
    this.#choice = new CertificateChoice(all);
    const settings = settingsOf(options);
    for (const set of this.#choice.sets) {
      const makeup = digest([settings, set]);
      const server = previous?.alike(makeup) ?? serverOf(settings, options.ticketKeys, set, report);
      this.#bySet.set(set, server);
      this.#byMakeup.set(makeup, server);
    }
    const chosen = new Set(this.#choice.sets.flat());
    for (const each of all) if (!chosen.has(each)) taken(() => checkKey(each));
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

  alike(makeup: string): tls.Server | undefined {
    return this.#byMakeup.get(makeup);
  }

  #named(name: string | undefined): CertificateSet | undefined {
    return name === undefined ? undefined : this.#choice.for(name);
  }
}

/** The options of a terminator, its ticket keys known. */
export type ContextOptions = TlsOptions & Required<Pick<TlsOptions, 'ticketKeys'>>;

type Settings = ReturnType<typeof settingsOf>;

/** What all servers of a terminator have in common, but for the ticket keys: plain data that can be compared. */
function settingsOf(options: TlsOptions) {
  const { alpn = [], ca, minVersion = defaults.minVersion } = options;
  const { clientCertificate = defaults.clientCertificate } = options;
  // Who may come in with a ticket: whoever could without it (RFC 8446 section 4.6.1, and tickets of removed authorities).
  const admits = clientCertificate === 'none' ? [] : [clientCertificate, ca];
  return { alpn, ca, minVersion, clientCertificate, purpose: digest(admits) };
}

function digest(plain: unknown): string {
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}

/** As much as OpenSSL takes (SSL_MAX_SID_CTX_LENGTH). Node's default is made of the command line: other for each process. */
const SESSION_CONTEXT = 32;

function serverOf(
  { alpn, ca, minVersion, clientCertificate, purpose }: Settings,
  ticketKeys: TicketKeySource,
  set: CertificateSet,
  report: HandshakeReport,
): tls.Server {
  for (const each of set) taken(() => checkKey(each));
  const server = taken(() =>
    tls.createServer({
      cert: set.map(({ cert }) => cert),
      key: set.map(({ key, passphrase }) => ({
        pem: key,
        ...(passphrase === undefined ? {} : { passphrase }),
      })),
      ...(ca === undefined ? {} : { ca }),
      ciphers: CIPHERS,
      honorCipherOrder: true,
      minVersion,
      // Node's own limit on renegotiations is advisory (CVE-2011-1473).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      handshakeTimeout: NODE_HANDSHAKE_TIMEOUT,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
      sessionIdContext: purpose.slice(0, SESSION_CONTEXT),
    }),
  );
  sealTickets(server, () => ticketKeys.for(purpose));
  server.on('secureConnection', secure => report.done(secure));
  server.on('tlsClientError', (error, secure) => report.failed(error, secure));
  return server;
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
