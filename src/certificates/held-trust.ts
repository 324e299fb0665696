import type { SallyportError } from '../errors.ts';
import { loadAuthorities, loadRevocationLists } from '../net/certificates.ts';
import type { TlsOptions } from '../options.ts';

/** The files by which client certificates are judged. */
export interface TrustFiles {
  /** PEM file with the authorities whose client certificates are trusted. Default: none. */
  readonly ca?: string;
  /** PEM files with their revocation lists: one for each authority in a chain. Default: none. */
  readonly crl?: readonly string[];
}

/** Authorities and revocation lists, as they were last good. */
export class HeldTrust {
  readonly #files: TrustFiles;
  #trust: Pick<TlsOptions, 'ca' | 'crl'> = {};
  #error: SallyportError | undefined;

  constructor(files: TrustFiles) {
    this.#files = files;
  }

  get trust(): Pick<TlsOptions, 'ca' | 'crl'> {
    return this.#trust;
  }

  /** Why the files as they are now are not in use. */
  get error(): SallyportError | undefined {
    return this.#error;
  }

  async look(): Promise<'same' | 'refused'> {
    const { ca, crl } = this.#files;
    try {
      this.#trust = {
        ...(ca === undefined ? {} : { ca: await loadAuthorities(ca) }),
        ...(crl === undefined ? {} : { crl: await loadRevocationLists(crl) }),
      };
      this.#error = undefined;
      return 'same';
    } catch (cause) {
      const error = cause as SallyportError; // all that either throws
      const again = this.#error?.message === error.message;
      this.#error = error;
      return again ? 'same' : 'refused';
    }
  }
}
