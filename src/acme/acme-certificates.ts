import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateDirectory } from '../certificates/certificate-source.ts';
import { SallyportError } from '../errors.ts';
import { type Log, silent } from '../log.ts';
import { issueCertificate } from '../net/certificate-issuer.ts';
import { replaceFile } from '../net/replace-file.ts';
import { type AcmeOptions, checkAcmeOptions } from './acme-options.ts';
import { type ChallengeAnswerers, orderCertificate } from './acme-order.ts';
import { renewalTime } from './renewal-time.ts';

export interface AcmeEvents {
  /** The authority has issued a certificate, and it is in its file. */
  issued: [names: readonly string[]];
  /** It has not: what was there before stays, and it is tried again later. */
  failed: [error: SallyportError, names: readonly string[]];
}

interface Kept {
  readonly names: readonly string[];
  readonly file: string;
  /** Milliseconds since 1970. */
  due: number;
  failures: number;
}

const RETRY = 60_000;
const LONGEST_RETRY = 6 * 3_600_000;
/** How often to look whether one is due at least, in milliseconds: clocks are set, and timers do not count sleep. */
const LOOK = 3_600_000;

/**
 * Certificates from an ACME authority (RFC 8555), as files in a folder of ours, for a `CertificateStore`. They are renewed
 * at about two thirds of their lifetime. Where there is none yet, one signed by itself stands in its place, so that
 * servers can begin, and answer the authority's challenge.
 *
 *     const acme = await AcmeCertificates.open({ names: [['mail.example.org']], folder, termsAgreed: true });
 *     const store = await CertificateStore.open({ sources: [acme.source] });
 *     acme.on('issued', () => store.check());
 *     acme.start({ servers: [server] });
 */
export class AcmeCertificates extends EventEmitter<AcmeEvents> {
  readonly #options: AcmeOptions;
  readonly #log: Log;
  readonly #clock: () => number;
  readonly #kept: Kept[] = [];
  #answerers: ChallengeAnswerers = {};
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  private constructor(options: AcmeOptions) {
    super();
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#clock = options.clock ?? Date.now;
  }

  /** Throws ERR_OPTION, and ERR_CERTIFICATE where the folder cannot be used. */
  static async open(options: AcmeOptions): Promise<AcmeCertificates> {
    checkAcmeOptions(options);
    const acme = new AcmeCertificates(options);
    try {
      await mkdir(acme.source.directory, { recursive: true, mode: 0o700 });
      for (const names of options.names) acme.#kept.push(await acme.#keep(names));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SallyportError('ERR_CERTIFICATE', `${options.folder}: cannot be used (${reason})`, { cause });
    }
    return acme;
  }

  /** For a `CertificateStore`. */
  get source(): CertificateDirectory {
    return { directory: join(this.#options.folder, 'certificates') };
  }

  /** Issues and renews from now on, with whoever answers challenges. Does not keep the process alive. */
  start(answerers: ChallengeAnswerers): void {
    this.#answerers = answerers;
    this.#schedule();
  }

  /** Does so no more; what is under way comes to its end. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #keep(names: readonly string[]): Promise<Kept> {
    const file = join(this.source.directory, `${names[0]}.pem`);
    const pem = await readFile(file, 'utf8').catch(() => '');
    if (!holdsPair(pem)) {
      const placeholder = await issueCertificate({ commonName: 'Sallyport waits for ACME', days: 90, names });
      await replaceFile(file, placeholder.cert + placeholder.key, 0o600);
    }
    return { names, file, due: renewalTime(pem, names) ?? 0, failures: 0 };
  }

  #schedule(): void {
    if (this.#stopped) return;
    const next = Math.min(...this.#kept.map(({ due }) => due)) - this.#clock();
    this.#timer = setTimeout(() => void this.#look(), Math.min(Math.max(next, 0), LOOK)).unref();
  }

  async #look(): Promise<void> {
    for (const kept of this.#kept) {
      if (!this.#stopped && kept.due <= this.#clock()) await this.#renew(kept);
    }
    this.#schedule();
  }

  async #renew(kept: Kept): Promise<void> {
    const { names, file } = kept;
    try {
      const { cert, key } = await orderCertificate(names, this.#options, this.#answerers);
      await replaceFile(file, cert + key, 0o600);
      kept.due = renewalTime(cert, names) ?? this.#later(kept);
      kept.failures = 0;
      this.#log.info({ names, notAfter: new X509Certificate(cert).validTo }, 'certificate issued');
      this.emit('issued', names);
    } catch (cause) {
      const error =
        cause instanceof SallyportError ? cause : new SallyportError('ERR_ACME', String(cause), { cause });
      kept.due = this.#later(kept);
      const again = new Date(kept.due);
      this.#log.warn({ names, code: error.code, reason: error.message, again }, 'certificate not issued');
      this.emit('failed', error, names);
    }
  }

  /** Twice as long after each failure, and never at the same time as others. */
  #later(kept: Kept): number {
    const { retry = RETRY } = this.#options;
    const pause = Math.min(retry * 2 ** kept.failures, Math.max(LONGEST_RETRY, retry));
    kept.failures += 1;
    return this.#clock() + pause * (0.75 + Math.random() / 2);
  }
}

function holdsPair(pem: string): boolean {
  return /-----BEGIN CERTIFICATE-----/.test(pem) && /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem);
}
