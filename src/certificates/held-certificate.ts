import { createHash, X509Certificate } from 'node:crypto';
import type { SallyportError } from '../errors.ts';
import { type CertificateFiles, checkCertificate, readCertificate } from '../net/certificates.ts';
import type { Certificate } from '../options.ts';

const DAY = 86_400_000;

/** What is to be known of a certificate that is held, and of the files that it comes from. */
export interface CertificateStatus {
  /** The file with the certificate. */
  readonly file: string;
  /** The file with the key; may be the same. */
  readonly keyFile: string;
  /** Its subject alternative names, `DNS:` and the like left out. Empty where none has been good yet. */
  readonly names: readonly string[];
  /** When it expires; `undefined` where none has been good yet. */
  readonly notAfter: Date | undefined;
  /** Days until then, rounded down; negative where it has expired. */
  readonly daysLeft: number | undefined;
  /** Why the files as they are now are not in use; `undefined` where they are. */
  readonly error: SallyportError | undefined;
  /** How many times it was renewed, and how many times files were refused, since the start. */
  readonly renewals: number;
  readonly refusals: number;
}

/** One pair of files, and the last good certificate that they held. */
export class HeldCertificate {
  readonly files: CertificateFiles;
  #good: { readonly certificate: Certificate; readonly x509: X509Certificate } | undefined;
  #error: SallyportError | undefined;
  #seen = '';
  #renewals = 0;
  #refusals = 0;

  constructor(files: CertificateFiles) {
    this.files = files;
  }

  /** The last good one. */
  get certificate(): Certificate | undefined {
    return this.#good?.certificate;
  }

  /** At a time, in milliseconds since 1970. */
  status(now: number): CertificateStatus {
    const { cert: file, key: keyFile = file } = this.files;
    const notAfter = this.#good && new Date(this.#good.x509.validTo);
    return {
      file,
      keyFile,
      names: namesOf(this.#good?.x509.subjectAltName),
      notAfter,
      daysLeft: notAfter && Math.floor((notAfter.getTime() - now) / DAY),
      error: this.#error,
      renewals: this.#renewals,
      refusals: this.#refusals,
    };
  }

  /** Looks at the files. What cannot serve is refused, once for each content, and the last good one is kept. */
  async look(): Promise<'same' | 'renewed' | 'refused'> {
    let certificate: Certificate;
    try {
      certificate = await readCertificate(this.files);
    } catch (error) {
      this.#seen = '';
      return this.#refuse(error as SallyportError); // all that it throws
    }
    const seen = digestOf(certificate);
    if (seen === this.#seen) return 'same';
    this.#seen = seen;
    try {
      checkCertificate(this.files, certificate);
    } catch (error) {
      return this.#refuse(error as SallyportError); // all that it throws
    }
    return this.#take(certificate);
  }

  #take(certificate: Certificate): 'same' | 'renewed' {
    this.#error = undefined;
    const before = this.#good?.certificate;
    // What was refused is gone, and the good one is back.
    if (before !== undefined && digestOf(before) === digestOf(certificate)) return 'same';
    this.#good = { certificate, x509: new X509Certificate(certificate.cert) };
    if (before !== undefined) this.#renewals += 1;
    return 'renewed';
  }

  #refuse(error: SallyportError): 'same' | 'refused' {
    const again = this.#error?.message === error.message;
    this.#error = error;
    if (again) return 'same';
    this.#refusals += 1;
    return 'refused';
  }
}

function digestOf({ cert, key, passphrase }: Certificate): string {
  return createHash('sha256')
    .update(JSON.stringify([cert, key, passphrase]))
    .digest('hex');
}

function namesOf(subjectAltName: string | undefined): readonly string[] {
  return (subjectAltName?.split(', ') ?? []).map(entry => entry.replace(/^[^:]+:/, ''));
}
