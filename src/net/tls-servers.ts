import { Buffer } from 'node:buffer';
import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { type Certificate, defaults, type StapleSource, type TlsOptions } from '../options.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { CertificateChoice, type CertificateSet } from './certificate-choice.ts';
import { clientJudge } from './client-subjects.ts';
import { sealTickets } from './seal-tickets.ts';
import { suitedTo } from './suited-certificate.ts';

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
  readonly #strict: boolean;
  readonly #bySet = new Map<CertificateSet, tls.Server>();
  /** Each certificate alone, of those that stand side by side and may have a response stapled. */
  readonly #alone = new Map<Certificate, tls.Server>();
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
    this.#strict = options.unknownName === 'refuse';
    const settings = settingsOf(options);
    const serverFor = (set: CertificateSet) => {
      const makeup = digest([settings, set]);
      const alike = previous?.alike(makeup) ?? this.alike(makeup);
      const server = alike ?? serverOf(settings, options, set, report);
      this.#byMakeup.set(makeup, server);
      return server;
    };
    for (const set of this.#choice.sets) {
      this.#bySet.set(set, serverFor(set));
      if (set.length === 1 || options.staples === undefined) continue;
      for (const each of set) this.#alone.set(each, serverFor([each]));
    }
    const chosen = new Set(this.#choice.sets.flat());
    for (const each of all) if (!chosen.has(each)) taken(() => checkKey(each));
  }

  /** Whether the ClientHello has to be read before the server is known. */
  get dependOnHello(): boolean {
    return this.#strict || this.#bySet.size > 1 || this.#alone.size > 0;
  }

  /**
   * By the name in the SNI, else by what the dialogue knows, else the one for clients without a name; `undefined` where
   * unknown names are refused, and this is one.
   */
  for(hello: ClientHello | undefined, name: string | undefined): tls.Server | undefined {
    const servername = hello?.servername;
    const named = this.#named(servername) ?? this.#named(name);
    if (named === undefined && this.#strict && (servername ?? name) !== undefined) return undefined;
    const set = named ?? this.#choice.preset;
    // Which of several OpenSSL takes is told nobody before the response has to be there.
    const suited = hello && this.#alone.size > 0 ? suitedTo(hello.judges, set) : undefined;
    return (suited && this.#alone.get(suited)) ?? this.#bySet.get(set);
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
  const { alpn = [], ca, crl, clientSubjects, minVersion = defaults.minVersion } = options;
  const { clientCertificate = defaults.clientCertificate } = options;
  // Who may come in with a ticket: whoever could without it (RFC 8446 section 4.6.1, and tickets of removed authorities).
  const admits = clientCertificate === 'none' ? [] : [clientCertificate, ca, crl, clientSubjects];
  return { alpn, ca, crl, minVersion, clientCertificate, clientSubjects, purpose: digest(admits) };
}

function digest(plain: unknown): string {
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}

/** As much as OpenSSL takes (SSL_MAX_SID_CTX_LENGTH). Node's default is made of the command line: other for each process. */
const SESSION_CONTEXT = 32;

function serverOf(
  settings: Settings,
  { ticketKeys, staples }: Pick<ContextOptions, 'ticketKeys' | 'staples'>,
  set: CertificateSet,
  report: HandshakeReport,
): tls.Server {
  for (const each of set) taken(() => checkKey(each));
  const server = taken(() => tls.createServer(nodeOptions(settings, set)));
  sealTickets(server, () => ticketKeys.for(settings.purpose));
  const [only, ...more] = set;
  if (staples !== undefined && only !== undefined && more.length === 0) staple(server, staples, only);
  const judge = settings.clientCertificate === 'require' ? clientJudge(settings.clientSubjects) : undefined;
  server.on('secureConnection', secure => {
    const fault = judge?.(secure);
    if (fault === undefined) report.done(secure);
    else report.failed(fault, secure);
  });
  server.on('tlsClientError', (error, secure) => report.failed(error, secure));
  return server;
}

/** Never waits: a client gets what is there when it asks. */
function staple(server: tls.Server, staples: StapleSource, certificate: Certificate): void {
  server.on('OCSPRequest', (_certificate, _issuer, answer) => {
    const response = staples.for(certificate);
    answer(null, response === undefined ? null : Buffer.from(response));
  });
}

function nodeOptions(
  { alpn, ca, crl, minVersion, clientCertificate, purpose }: Settings,
  set: CertificateSet,
): tls.TlsOptions {
  return {
    cert: set.map(({ cert }) => cert),
    key: set.map(({ key, passphrase }) => ({
      pem: key,
      ...(passphrase === undefined ? {} : { passphrase }),
    })),
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl: [...crl] }),
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
  };
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
