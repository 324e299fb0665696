import type { AdminPlace } from '../admin/admin.ts';
import type { CertificateStoreOptions } from '../certificates/certificate-store.ts';
import type { LogOptions } from '../log.ts';
import type { AdmissionLimits } from '../net/admission.ts';
import type { ListenPlace } from '../net/dial.ts';
import type { ServerOptions, TlsOptions } from '../options.ts';
import type { ProxyOptions } from '../proxy.ts';

/** A configuration that has been checked: all files have been tried, every default is filled in. Times are in milliseconds. */
export interface Configuration {
  /** Where it was read from. */
  readonly file: string;
  /** One for each address. */
  readonly listeners: readonly ListenerConfiguration[];
  /** Over all listeners together. */
  readonly limits: AdmissionLimits;
  /** Where those over time are counted with other machines; absent for here. */
  readonly redis?: string;
  /** Where figures are told; absent for nowhere. */
  readonly admin?: AdminPlace;
  /** Of session tickets; `undefined` for keys of their own. */
  readonly ticketSecret: Uint8Array | undefined;
  /** Whom the process goes on as when all listen. */
  readonly identity: { readonly user?: string; readonly group?: string };
  readonly log: LogOptions;
  /** How long sessions have to end. */
  readonly drain: number;
}

export interface ListenerConfiguration {
  readonly address: ListenPlace;
  /** As in logs: `host:port`, a path, or the name of a socket that is passed. */
  readonly name: string;
  readonly options: ListenerOptions;
  readonly certificates: CertificateSpec;
  /** For this listener alone: one object for all its addresses. */
  readonly limits?: AdmissionLimits;
  readonly destination: Destination;
}

/** All options but those that come from files, which may change. */
export type ListenerOptions = Omit<ServerOptions, CurrentOptions>;

type CurrentOptions = keyof Pick<
  TlsOptions,
  'certificate' | 'certificates' | 'ca' | 'crl' | 'staples' | 'ticketKeys'
>;

/** Where certificates, authorities and revocation lists come from. Listeners for which it is the same can share a store. */
export type CertificateSpec = Pick<CertificateStoreOptions, 'sources' | 'ca' | 'crl' | 'ocsp'>;

/** Where sessions go after the hand-over; to none, the dialogue goes on under TLS. */
export type Destination =
  | { readonly kind: 'none' }
  | { readonly kind: 'module'; readonly file: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'upstream'; readonly options: UpstreamOptions };

export type UpstreamOptions = Pick<
  ProxyOptions,
  'to' | 'toTls' | 'sendProxy' | 'connectTimeout' | 'upstreamTimeout' | 'dataPorts' | 'dataAddress'
>;
