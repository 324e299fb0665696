import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { SallyportError } from '../errors.ts';
import { type Log, silent } from '../log.ts';
import type { TlsOptions } from '../options.ts';
import type { CertificateSource } from './certificate-source.ts';
import { FileWatch } from './file-watch.ts';
import type { CertificateStatus, HeldCertificate } from './held-certificate.ts';
import { HeldSource } from './held-source.ts';
import type { StapleStatus } from './held-staple.ts';
import { HeldTrust, type TrustFiles } from './held-trust.ts';
import { OcspStaples, type ServedFile } from './ocsp-staples.ts';

export interface CertificateStoreOptions extends TrustFiles {
  /** Pairs of files, and directories of such. The very first certificate is for clients that name no other's name. */
  readonly sources: readonly CertificateSource[];
  /** From so many days before a certificate expires there is a warning, once a day. Default 14. */
  readonly warnDays?: number;
  /** How often to look at the files even where nobody tells of a change, in milliseconds. Default 60 s. */
  readonly poll?: number;
  /**
   * Whether OCSP responses are fetched, once `watch` is called, for certificates that name a responder, to be stapled
   * (RFC 6066 section 8); what clients refuse without one (RFC 7633) waits up to 5 s for its first. Default `true`.
   */
  readonly ocsp?: boolean;
  /** Any pino logger. Default: silence. */
  readonly log?: Log;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly clock?: () => number;
}

export interface CertificateStoreEvents {
  /** `current` is another: time for `server.replaceTls`. Once for each look at the files. */
  changed: [];
  /** A pair of files has a new certificate that is good. */
  renewed: [certificate: CertificateStatus];
  /** Files cannot serve, and what was there before is kept. Without `certificate`, a directory, authorities or lists. */
  refused: [error: SallyportError, certificate: CertificateStatus | undefined];
  /** A certificate has `warnDays` or fewer left: once a day. */
  expiring: [certificate: CertificateStatus];
}

/** What a store gives to a server. */
export type CurrentCertificates = Pick<TlsOptions, 'certificate' | 'certificates' | 'ca' | 'crl' | 'staples'>;

/** What is to be known of a certificate, and of the OCSP response for it: `undefined` where none is wanted. */
export type StoredCertificate = CertificateStatus & { readonly ocsp: StapleStatus | undefined };

const DAY = 86_400_000;
const WARN_DAYS = 14;
const POLL = 60_000;
/** What changes together has mostly changed within this. */
const SETTLE = 500;

/**
 * Certificates from files, kept up to date. What is renewed is checked before it counts; what cannot serve is refused,
 * told once, and the last good one is kept.
 *
 *     const store = await CertificateStore.open({ sources: [{ directory: '/etc/letsencrypt/live' }] });
 *     const server = createServer({ protocol, ...store.current });
 *     store.on('changed', () => server.replaceTls({ ...otherTlsOptions, ...store.current }));
 *     store.watch();
 */
export class CertificateStore extends EventEmitter<CertificateStoreEvents> {
  readonly #options: CertificateStoreOptions;
  readonly #log: Log;
  readonly #clock: () => number;
  readonly #sources: readonly HeldSource[];
  readonly #trust: HeldTrust;
  readonly #staples: OcspStaples | undefined;
  /** On which day there was last a warning. */
  readonly #warned = new Map<HeldCertificate, number>();
  #current: CurrentCertificates | undefined;
  /** The look that has begun last, and the one that waits for its end. */
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | undefined;
  #watch: FileWatch | undefined;

  private constructor(options: CertificateStoreOptions) {
    super();
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#clock = options.clock ?? Date.now;
    this.#sources = options.sources.map(source => new HeldSource(source));
    this.#trust = new HeldTrust(options);
    const { ocsp = true } = options;
    if (ocsp) this.#staples = new OcspStaples({ log: this.#log, clock: this.#clock });
  }

  /**
   * Reads all files once. Rejects with ERR_CERTIFICATE, which names the file, for a pair that was named and is not good,
   * for a directory of which none is good, and for authorities and revocation lists; one bad pair of a directory is
   * refused alone. Rejects with ERR_OPTION where there are no sources.
   */
  static async open(options: CertificateStoreOptions): Promise<CertificateStore> {
    const store = new CertificateStore(options);
    await store.check();
    const fault = store.#trust.error ?? store.#sources.map(faultOf).find(error => error !== undefined);
    if (fault !== undefined) throw fault;
    if (store.#current === undefined)
      throw new SallyportError('ERR_OPTION', 'a certificate store needs sources');
    return store;
  }

  /** For `createServer` and `server.replaceTls`: the last good certificates, authorities and revocation lists. */
  get current(): CurrentCertificates {
    if (this.#current === undefined) throw new Error('a certificate store that was not opened');
    return this.#current;
  }

  /** All certificates, in order; those that were refused and never good included. */
  get list(): readonly StoredCertificate[] {
    return this.#held.map(each => {
      const ocsp = each.certificate && this.#staples?.status(each.certificate);
      return { ...each.status(this.#clock()), ocsp: ocsp?.responder || ocsp?.mustStaple ? ocsp : undefined };
    });
  }

  /** Looks at all files, as they are from now on; resolves with whether `current` is another. */
  check(): Promise<boolean> {
    const look = () => {
      this.#next = undefined;
      return this.#look();
    };
    // A look that is under way may have missed what the caller has seen.
    this.#next ??= this.#last.then(look, look);
    this.#last = this.#next;
    return this.#next;
  }

  /** Looks again whenever files change, until `close`. Does not keep the process alive. */
  watch(): void {
    const { sources, ca, crl = [], poll = POLL } = this.#options;
    const served = sources.flatMap(source =>
      'directory' in source ? [source.directory] : [source.cert, source.key ?? source.cert],
    );
    const paths = [...served, ...(ca === undefined ? crl : [ca, ...crl])];
    this.#watch ??= new FileWatch({ paths, settle: SETTLE, poll }, () => void this.check());
    this.#staples?.start();
  }

  /** Watches no more. */
  async close(): Promise<void> {
    this.#staples?.stop();
    await this.#watch?.close();
    this.#watch = undefined;
  }

  get #held(): readonly HeldCertificate[] {
    return this.#sources.flatMap(({ certificates }) => certificates);
  }

  get #served(): readonly ServedFile[] {
    return this.#held.flatMap(({ files: { cert: file }, certificate }) =>
      certificate === undefined ? [] : [{ file, certificate }],
    );
  }

  async #look(): Promise<boolean> {
    for (const source of this.#sources) {
      if ((await source.find()) === 'refused') this.#tellRefused(source.error);
      // Of a directory that is gone, each file is as well.
      if (source.error === undefined) await this.#lookAt(source.certificates);
    }
    if ((await this.#trust.look()) === 'refused') this.#tellRefused(this.#trust.error);
    for (const held of this.#held) this.#warn(held);
    await this.#staples?.prepare(this.#served);
    return this.#replace();
  }

  async #lookAt(certificates: readonly HeldCertificate[]): Promise<void> {
    for (const held of certificates) {
      const found = await held.look();
      const status = held.status(this.#clock());
      if (found === 'renewed') this.#tellRenewed(status);
      if (found === 'refused') this.#tellRefused(status.error, status);
    }
  }

  #replace(): boolean {
    const [certificate, ...certificates] = this.#held.flatMap(each => each.certificate ?? []);
    // All gone at once is no wish of anybody's.
    if (certificate === undefined) return false;
    const found = { certificate, certificates, ...this.#trust.trust, ...this.#stapling() };
    if (isDeepStrictEqual(found, this.#current)) return false;
    const first = this.#current === undefined;
    this.#current = found;
    if (!first) this.emit('changed');
    return true;
  }

  #stapling(): Pick<TlsOptions, 'staples'> {
    this.#staples?.keep(this.#served);
    // A server does more where there may be responses.
    return this.#staples?.able === true ? { staples: this.#staples } : {};
  }

  #tellRenewed(status: CertificateStatus): void {
    const { file, names, notAfter } = status;
    // At the start nobody has been renewed, and nobody listens yet.
    if (this.#current === undefined) return;
    this.#log.info({ file, names, notAfter }, 'certificate renewed');
    this.emit('renewed', status);
  }

  #tellRefused(error: SallyportError | undefined, status?: CertificateStatus): void {
    if (error === undefined) return;
    this.#log.warn({ code: error.code, reason: error.message }, 'certificate refused');
    this.emit('refused', error, status);
  }

  #warn(held: HeldCertificate): void {
    const status = held.status(this.#clock());
    const { file, names, daysLeft } = status;
    const today = Math.floor(this.#clock() / DAY);
    if (daysLeft === undefined || daysLeft > (this.#options.warnDays ?? WARN_DAYS)) return;
    if (this.#warned.get(held) === today) return;
    this.#warned.set(held, today);
    this.#log.warn(
      { file, names, daysLeft },
      daysLeft < 0 ? 'certificate has expired' : 'certificate expires soon',
    );
    this.emit('expiring', status);
  }
}

/** What is wrong with a source from the start. Of a directory one good certificate is enough. */
function faultOf({ source, error, certificates }: HeldSource): SallyportError | undefined {
  const faults = certificates.map(each => each.status(0).error);
  const tolerable = 'directory' in source && faults.includes(undefined);
  return error ?? (tolerable ? undefined : faults.find(each => each !== undefined));
}
