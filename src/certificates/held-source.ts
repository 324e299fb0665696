import { stat } from 'node:fs/promises';
import type { SallyportError } from '../errors.ts';
import type { CertificateFiles } from '../net/certificates.ts';
import { byPath, type CertificateSource, pairsOf } from './certificate-source.ts';
import { HeldCertificate } from './held-certificate.ts';

/** A source and the pairs that it has, over the time. */
export class HeldSource {
  readonly source: CertificateSource;
  #certificates: readonly HeldCertificate[] = [];
  #error: SallyportError | undefined;

  constructor(source: CertificateSource) {
    this.source = source;
  }

  get certificates(): readonly HeldCertificate[] {
    return this.#certificates;
  }

  /** Why it is not in use as it is now. */
  get error(): SallyportError | undefined {
    return this.#error;
  }

  /** Finds out which pairs there are now; where that cannot be done, those of before are kept. */
  async find(): Promise<'same' | 'refused'> {
    const before = this.#certificates;
    try {
      const pairs = await pairsOf(this.source);
      this.#error = undefined;
      const found = pairs.map(
        pair => before.find(each => alike(each.files, pair)) ?? new HeldCertificate(pair),
      );
      const half = await halfThere(before.filter(each => !found.includes(each)));
      // In their old places: the first of all is for clients without a name.
      this.#certificates = [...found, ...half].sort((one, other) => byPath(one.files, other.files));
      return 'same';
    } catch (cause) {
      const error = cause as SallyportError; // all that `pairsOf` throws
      const again = this.#error?.message === error.message;
      this.#error = error;
      return again ? 'same' : 'refused';
    }
  }
}

function alike(one: CertificateFiles, other: CertificateFiles): boolean {
  return one.cert === other.cert && one.key === other.key;
}

/** With one of its two files gone a pair is no longer found, but that is a renewal under way, or a mistake. */
async function halfThere(lost: readonly HeldCertificate[]): Promise<readonly HeldCertificate[]> {
  const there = await Promise.all(
    lost.map(async ({ files: { cert, key = cert } }) => (await exists(cert)) || (await exists(key))),
  );
  return lost.filter((_, index) => there[index]);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
