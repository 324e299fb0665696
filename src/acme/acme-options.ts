import { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';

export interface AcmeOptions {
  /** The names of each certificate; no wildcards, as they need another kind of challenge. */
  readonly names: readonly (readonly string[])[];
  /** Where the account's key and the certificates are kept, with mode 0600. */
  readonly folder: string;
  /** That the authority's terms of service are agreed to. */
  readonly termsAgreed: boolean;
  /** URL of the authority's directory. Default: that of Let's Encrypt. */
  readonly authority?: string;
  /** Mail address for the authority to write to. Default: none. */
  readonly contact?: string;
  /** How long to wait after the first failure, in milliseconds; twice as long after each further one. Default 60 s. */
  readonly retry?: number;
  /** Any pino logger. Default: silence. */
  readonly log?: Log;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly clock?: () => number;
}

/** The directory of Let's Encrypt. */
export const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

const NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i;

/** Throws ERR_OPTION for what cannot be meant. */
export function checkAcmeOptions({ names, termsAgreed, authority = LETS_ENCRYPT }: AcmeOptions): void {
  if (!termsAgreed)
    throw new SallyportError('ERR_OPTION', "the authority's terms of service must be agreed to");
  if (!/^https?:\/\//.test(authority))
    throw new SallyportError('ERR_OPTION', 'authority must be an https URL');
  if (names.length === 0 || names.some(each => each.length === 0)) {
    throw new SallyportError('ERR_OPTION', 'names must not be empty');
  }
  const bad = names.flat().find(name => !NAME.test(name));
  if (bad !== undefined) {
    throw new SallyportError(
      'ERR_OPTION',
      `names: ${JSON.stringify(bad)} is no host name with a dot, or a wildcard`,
    );
  }
}
