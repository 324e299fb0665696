import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Protocol } from './dialogue/protocol.ts';
import { SallyportError } from './errors.ts';

/** A certificate chain and its key, PEM, as read and checked by `loadCertificate` or made by you. */
export interface Certificate {
  /** The certificate, followed by the chain up to, and without, the root. */
  readonly cert: string;
  readonly key: string;
  /** For an encrypted key. */
  readonly passphrase?: string;
}

/** A key for session tickets: its name, which stands in the ticket, and two keys for AES-128-CBC and HMAC-SHA256, each 16 bytes. */
export interface TicketKey {
  readonly name: Uint8Array;
  readonly hmac: Uint8Array;
  readonly aes: Uint8Array;
}

/** The first seals, all open. */
export type TicketKeyRing = readonly [TicketKey, ...TicketKey[]];

/** Where the keys for session tickets come from; `TicketKeys` is one. */
export interface TicketKeySource {
  /** The keys for one purpose now. Keys for one purpose open nothing of another. */
  for(purpose: string): TicketKeyRing;
}

/** Where OCSP responses to staple come from; a `CertificateStore` has one. */
export interface StapleSource {
  /**
   * The response that goes with a certificate now, DER (RFC 6066 section 8); `undefined` for none. It is asked in the
   * middle of a handshake.
   */
  for(certificate: Certificate): Uint8Array | undefined;
}

export interface TlsOptions {
  /** For every client that asks for no name of another one. */
  readonly certificate: Certificate;
  /**
   * More certificates: a client gets the one for the name in its SNI, else for the name that the dialogue knows. Names
   * are those of the subject alternative names, with wildcards of one label. One name may have a certificate of each
   * kind of key, such as ECDSA and RSA: what the client can do chooses. Default: none.
   */
  readonly certificates?: readonly Certificate[];
  /** PEM of the authorities whose client certificates are trusted. Default: none. */
  readonly ca?: string;
  /**
   * PEM of the revocation lists of those authorities: one for each authority in a chain, the root included, else nobody
   * is let in. Default: none, and nothing is looked up.
   */
  readonly crl?: readonly string[];
  /** Whether a client must present a certificate that `ca` vouches for. Default `none`. */
  readonly clientCertificate?: 'none' | 'request' | 'require';
  /**
   * With `require`, who is let in: common names and subject alternative names, exact in any case, `*` for one label
   * (`*.example.org`). Default: everybody whom `ca` vouches for.
   */
  readonly clientSubjects?: readonly string[];
  /**
   * What a client gets that asks for a name which no certificate has: the default one, or the alert `unrecognized_name`
   * (RFC 6066 section 3). Who asks for no name gets the default one. Default `default`.
   */
  readonly unknownName?: 'default' | 'refuse';
  /** Lowest TLS version. Default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** ALPN ids to accept; a client that offers only others is refused. Default: the protocol's own. */
  readonly alpn?: readonly string[];
  /**
   * The keys for session tickets, where several servers are to take each other's. What a client must show to be let in
   * goes into them, so that no ticket of one server opens another that asks for more. Default: keys of its own.
   */
  readonly ticketKeys?: TicketKeySource;
  /**
   * The OCSP responses for clients that ask for one. Default: none. With it, and several certificates side by side for a
   * name, the ClientHello is read before the socket is wrapped.
   */
  readonly staples?: StapleSource;
}

/** What is allowed before TLS; `ServerOptions` says what each means. */
export const TLS_POLICIES = ['required', 'optional', 'implicit', 'auto'] as const;
export type TlsPolicy = (typeof TLS_POLICIES)[number];

/** Times are in milliseconds; 0 turns a limit or a deadline off, where it says so. */
export interface ServerOptions extends TlsOptions {
  readonly protocol: Protocol;
  /**
   * `required`: nothing but the dialogue happens in plaintext. `optional`: an application may get the
   * stream in plaintext. `implicit`: TLS from the first byte. `auto`: either that or as `required`, as the first
   * byte tells. Default `required`.
   */
  readonly tls?: TlsPolicy;
  /** With `auto`, how long a server that speaks first waits for a ClientHello before its greeting. Default 200 ms. */
  readonly detectTimeout?: number;
  /** Our name in greetings. Default: the machine's host name. */
  readonly hostname?: string;
  /** Capabilities of the application, listed with ours in plaintext, in the protocol's words. Default none. */
  readonly capabilities?: readonly string[];
  /** Whether TLS can be had now; asked at each offer. `false` gives the protocol's temporary failure. */
  readonly available?: () => boolean;
  /** Plaintext behind the upgrade command: `refuse` closes the connection, `discard` drops it. Default `refuse`. */
  readonly plaintextAfterUpgrade?: 'refuse' | 'discard';
  /** From the go-ahead, or from accepting with implicit TLS, to the end of the handshake. Default 30 s. */
  readonly handshakeTimeout?: number;
  /** For the whole dialogue in plaintext. Default 60 s. */
  readonly dialogueTimeout?: number;
  /** Between two commands of the dialogue in plaintext. Default 30 s. */
  readonly commandTimeout?: number;
  /** Without a byte, under TLS or after a hand-over. Default 5 min; 0: for ever. */
  readonly idleTimeout?: number;
  /** Bad commands that are answered; the next one closes the connection. Default 10. */
  readonly badCommands?: number;
  /** Connections at once. Default: the process's descriptor limit less 64, or 960; 0: no limit. */
  readonly maxConnections?: number;
  /** Connections at once from one IPv4 address or one IPv6 /64. Default 100; 0: no limit. */
  readonly maxPerAddress?: number;
  /**
   * New connections a minute from one IPv4 address or one IPv6 /64. Default 0: no limit, as no number is right for a
   * single client and for the hundreds behind one address translator.
   */
  readonly connectionsPerMinute?: number;
  /**
   * TLS handshakes a minute from one IPv4 address or one IPv6 /64, resumed ones included. One more is refused in the
   * protocol's words before its go-ahead. Default 0: no limit.
   */
  readonly handshakesPerMinute?: number;
  /** Addresses, networks and `unix:` for which the limits of one address do not hold. Default none. */
  readonly trusted?: readonly string[];
  /**
   * Addresses, networks (`192.0.2.0/24`) and `unix:` from which every connection begins with a PROXY header, version 1
   * or 2: the client that it names counts for limits and logs. From elsewhere a header is a bad command. Default none.
   */
  readonly proxyFrom?: readonly string[];
  /** For the whole PROXY header. Default 5 s. */
  readonly proxyTimeout?: number;
}

/** Every default of `ServerOptions`, but for the host name and the connections, which the system tells. */
export const defaults = {
  tls: 'required',
  clientCertificate: 'none',
  unknownName: 'default',
  minVersion: 'TLSv1.2',
  plaintextAfterUpgrade: 'refuse',
  detectTimeout: 200,
  handshakeTimeout: 30_000,
  dialogueTimeout: 60_000,
  commandTimeout: 30_000,
  idleTimeout: 300_000,
  badCommands: 10,
  maxPerAddress: 100,
  connectionsPerMinute: 0,
  handshakesPerMinute: 0,
  trusted: [],
  capabilities: [],
  certificates: [],
  proxyFrom: [],
  proxyTimeout: 5000,
} as const satisfies Partial<ServerOptions>;

export type ResolvedOptions = Required<Omit<ServerOptions, Unset>> & Pick<ServerOptions, Unset>;

/** What has no default. */
type Unset = 'ca' | 'crl' | 'clientSubjects' | 'alpn' | 'ticketKeys' | 'staples';

/** All options but those of TLS. */
export function withoutTls(options: ResolvedOptions) {
  const { certificate, certificates, ca, crl, clientCertificate, clientSubjects, unknownName, ...others } =
    options;
  const { minVersion, alpn, ticketKeys, staples, ...rest } = others;
  // An option of TLS that is forgotten above would be kept where it has been left out: it does not compile.
  return rest satisfies Pick<ServerOptions, 'protocol'> & { readonly [Option in keyof TlsOptions]?: never };
}

/** Fills in the defaults. Throws ERR_OPTION, which names the option, for what cannot be meant. */
export function resolveOptions(options: ServerOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    ...defaults,
    hostname: hostname(),
    available: () => true,
    maxConnections: connectionsByDescriptors(),
    ...withoutUndefined(options),
  };
  for (const name of COUNTS) checkCount(name, resolved[name], 0);
  for (const name of DEADLINES) checkCount(name, resolved[name], 1);
  if (!/^[\x21-\x7e]+$/.test(resolved.hostname)) {
    throw new SallyportError('ERR_OPTION', 'hostname must be printable ASCII without blanks');
  }
  if (resolved.capabilities.some(capability => /[^\x20-\x7e]/.test(capability))) {
    throw new SallyportError('ERR_OPTION', 'capabilities must be printable ASCII');
  }
  checkTrust(resolved);
  return resolved;
}

function checkTrust({ clientCertificate, ca, crl, clientSubjects }: ResolvedOptions): void {
  if (clientCertificate === 'require' && ca === undefined) {
    throw new SallyportError('ERR_OPTION', 'clientCertificate "require" needs ca');
  }
  if (crl !== undefined && ca === undefined) throw new SallyportError('ERR_OPTION', 'crl needs ca');
  if (clientSubjects === undefined) return;
  if (clientCertificate !== 'require') {
    throw new SallyportError('ERR_OPTION', 'clientSubjects needs clientCertificate "require"');
  }
  if (clientSubjects.length === 0 || clientSubjects.includes('')) {
    throw new SallyportError('ERR_OPTION', 'clientSubjects must not be empty');
  }
}

const COUNTS = [
  'idleTimeout',
  'badCommands',
  'maxConnections',
  'maxPerAddress',
  'connectionsPerMinute',
  'handshakesPerMinute',
] as const;
const DEADLINES = [
  'detectTimeout',
  'handshakeTimeout',
  'dialogueTimeout',
  'commandTimeout',
  'proxyTimeout',
] as const;

/** Node's timers take no more (and fire at once beyond it). */
const MAX_TIMEOUT = 2 ** 31 - 1;

function checkCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= MAX_TIMEOUT) return;
  throw new SallyportError('ERR_OPTION', `${name} must be a whole number from ${least} to ${MAX_TIMEOUT}`);
}

/** An option that is given as `undefined` means its default. */
function withoutUndefined(options: ServerOptions): ServerOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as ServerOptions; // the same keys, fewer of them
}

/** Descriptors kept back for files, listeners, children and upstreams. */
const RESERVED_DESCRIPTORS = 64;

/** The process's descriptor limit less 64, or 960 where the system does not tell. */
export function connectionsByDescriptors(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
    return Math.max(1, Number(soft ?? 1024) - RESERVED_DESCRIPTORS);
  } catch {
    return 1024 - RESERVED_DESCRIPTORS;
  }
}
