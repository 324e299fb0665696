import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';
import { type CheckId, checkIds } from './check-table.ts';

export interface ProbeOptions {
  /** The name that the certificate has to have, and the SNI. Default: the host of the target. */
  readonly servername?: string;
  /** PEM of the authorities that are trusted, in place of Node's. Default: those of Node. */
  readonly ca?: string;
  /** Our certificate, for a server that asks for one. Default: none. */
  readonly clientCertificate?: Certificate;
  /** Our name, in EHLO and the like. Default `sallyport-probe.invalid`. */
  readonly hostname?: string;
  /** The limit of each wait, in milliseconds. Default 10 s. */
  readonly timeout?: number;
  /** The checks to carry out. Default: all. */
  readonly only?: readonly CheckId[];
  /** Checks to leave out. Default: none. */
  readonly skip?: readonly CheckId[];
  /** Whether to carry out checks that could disturb a service. Default `false`. */
  readonly intrusive?: boolean;
  /** How long a server may let a handshake stall before that is a fault, in milliseconds. Default 60 s. */
  readonly stallLimit?: number;
  /** A certificate that is valid for fewer days is a fault. Default 14. */
  readonly expiryDays?: number;
  /** Told of each check as it begins. Default: nobody. */
  readonly progress?: (check: CheckId) => void;
  /** Aborted: no further check is begun, and the rest is not tried. Default: never. */
  readonly signal?: AbortSignal;
}

export type ResolvedProbeOptions = ProbeOptions & Required<Pick<ProbeOptions, keyof typeof probeDefaults>>;

/** Every default of `ProbeOptions` that is a value. */
export const probeDefaults = {
  hostname: 'sallyport-probe.invalid',
  timeout: 10_000,
  only: checkIds,
  skip: [],
  intrusive: false,
  stallLimit: 60_000,
  expiryDays: 14,
} as const satisfies Partial<ProbeOptions>;

/** Fills in the defaults. Throws ERR_OPTION, which names the option, for what cannot be meant. */
export function resolveProbeOptions(options: ProbeOptions): ResolvedProbeOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved: ResolvedProbeOptions = { ...probeDefaults, ...Object.fromEntries(given) };
  for (const name of ['timeout', 'stallLimit', 'expiryDays'] as const) {
    const value = resolved[name];
    if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) continue;
    throw new SallyportError('ERR_OPTION', `${name} must be a whole number from 1 to ${2 ** 31 - 1}`);
  }
  for (const check of [...resolved.only, ...resolved.skip]) {
    if (!checkIds.includes(check))
      throw new SallyportError('ERR_OPTION', `unknown check ${JSON.stringify(check)}`);
  }
  if (!/^[\x21-\x7e]+$/.test(resolved.hostname)) {
    throw new SallyportError('ERR_OPTION', 'hostname must be printable ASCII without blanks');
  }
  return resolved;
}
