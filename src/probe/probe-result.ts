import type { ErrorCode } from '../errors.ts';
import type { CheckId, Family, Severity } from './check-table.ts';

/**
 * What a probe has found out about one server, as plain data that JSON can hold. Times are in milliseconds unless
 * they say otherwise. What the server said is escaped: printable ASCII, `\xNN` for other bytes, `\\` for a backslash.
 */
export interface ProbeResult {
  readonly target: TargetFacts;
  /** When the probe began, in ISO 8601. */
  readonly startedAt: string;
  readonly duration: number;
  /** Connections that were made. */
  readonly connections: number;
  /**
   * `sound`: nothing was found. `findings`: something was. `failed`: the server could not be probed at all, and
   * `error` says why.
   */
  readonly verdict: 'sound' | 'findings' | 'failed';
  readonly error: ProbeFailure | undefined;
  /** The worst first, and then in the order of the table. */
  readonly findings: readonly Finding[];
  /** The checks that were carried out and found nothing. */
  readonly passed: readonly CheckId[];
  /** The checks that could not be carried out, or were not meant to be. They never count as passed. */
  readonly notTried: readonly NotTried[];
  readonly facts: ProbeFacts;
  /** The first connection, from connecting to its end. */
  readonly transcript: readonly Moment[];
}

export interface TargetFacts {
  /** As a URL, with its port: `smtp://mail.example.org:25`. */
  readonly url: string;
  readonly protocol: string;
  /** Whether TLS comes first. */
  readonly implicit: boolean;
  /** `host:port`, or the path of a Unix socket. */
  readonly address: string;
  /** The name that the certificate has to have; also the SNI, unless it is an address. */
  readonly servername: string;
}

export interface ProbeFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** One fault of a server: what its check says in the table, and what was seen. */
export interface Finding {
  readonly check: CheckId;
  readonly family: Family;
  readonly severity: Severity;
  /** What is wrong, in one sentence. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
  /** RFCs with their sections, CVEs, papers. */
  readonly references: readonly string[];
  /** What was found on this server, where the title leaves something open. */
  readonly detail: string | undefined;
  /** What was said and done on the connection that showed it. */
  readonly evidence: readonly Moment[];
}

export interface NotTried {
  readonly check: CheckId;
  readonly title: string;
  readonly reason: string;
}

/** Something that happened on a connection, `at` so many milliseconds after it was begun. */
export type Moment = Said | TlsStarted | Noted;

/** Words, as one write or one read. */
export interface Said {
  readonly kind: 'said';
  readonly at: number;
  readonly by: 'client' | 'server';
  /** Whether it was said under TLS. */
  readonly secure: boolean;
  /** Escaped, and cut off behind 2048 characters. */
  readonly text: string;
  /** How many bytes it was. */
  readonly size: number;
}

/** A handshake is done. */
export interface TlsStarted {
  readonly kind: 'tls';
  readonly at: number;
  readonly version: string;
  readonly cipher: string;
}

/** What is no word of the protocol: a ClientHello, an alert, a reset, a silence. */
export interface Noted {
  readonly kind: 'note';
  readonly at: number;
  readonly by: 'client' | 'server';
  readonly text: string;
}

/** What is `undefined` is not known: it was not reached, or the protocol has no such thing. */
export interface ProbeFacts {
  readonly offer: OfferFacts | undefined;
  readonly capabilities: CapabilityFacts | undefined;
  readonly tls: NegotiatedFacts | undefined;
  /** One for each version of TLS, the oldest first. */
  readonly versions: readonly VersionFacts[];
  /** Key-exchange groups of TLS 1.3, in our order. */
  readonly groups: readonly GroupFacts[];
  /** The certificates that the server sent, in its order. */
  readonly certificates: readonly CertificateFacts[];
  readonly chain: ChainFacts | undefined;
  /** Whether an OCSP response came with the handshake (RFC 6066 section 8). */
  readonly ocspStapled: boolean | undefined;
  readonly resumption: readonly ResumptionFacts[];
  readonly times: PhaseTimes;
}

export interface OfferFacts {
  /** Whether the server let itself be asked for TLS. */
  readonly offered: boolean;
  /** The upgrade command and the go-ahead, escaped; `undefined` where it did not come so far. */
  readonly command: string | undefined;
  readonly goAhead: string | undefined;
}

/** Capabilities, escaped, in the server's order; `undefined` where the server gave no list. */
export interface CapabilityFacts {
  readonly before: readonly string[] | undefined;
  readonly after: readonly string[] | undefined;
  /** Listed before TLS and not under it. */
  readonly gone: readonly string[];
  /** Listed under TLS and not before it. */
  readonly added: readonly string[];
}

/** What the handshake of the first connection negotiated. */
export interface NegotiatedFacts {
  readonly version: string;
  /** IANA's name. */
  readonly cipher: string;
  /** The group of the key exchange that a client of today gets, as IANA names it. */
  readonly group: string | undefined;
  /** Whether that group resists quantum computers. */
  readonly postQuantum: boolean | undefined;
  readonly alpn: string | undefined;
}

export interface VersionFacts {
  readonly version: 'SSLv3' | 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** `undefined` where it could not be tried; `reason` says why. */
  readonly accepted: boolean | undefined;
  /** The cipher that the server chose among all that the version has. */
  readonly cipher: string | undefined;
  readonly reason: string | undefined;
}

export interface GroupFacts {
  readonly group: string;
  readonly postQuantum: boolean;
  readonly accepted: boolean | undefined;
}

export interface CertificateFacts {
  /** `CN=…, O=…`, most specific first, escaped. */
  readonly subject: string;
  readonly issuer: string;
  /** `DNS:…, IP Address:…`, escaped. */
  readonly altNames: string | undefined;
  /** In ISO 8601. */
  readonly validFrom: string;
  readonly validTo: string;
  /** Whole days; negative once it has expired. */
  readonly daysLeft: number;
  /** `RSA 2048`, `EC prime256v1`, `ED25519`. */
  readonly key: string;
  /** `ecdsa-with-SHA256`; an object identifier where the name is not known. */
  readonly signature: string;
  /** SHA-256 of the certificate, as `AB:CD:…`. */
  readonly fingerprint: string;
  readonly selfSigned: boolean;
}

export interface ChainFacts {
  /** Whether a trusted authority vouches for it. */
  readonly trusted: boolean;
  /** OpenSSL's name of the fault; `undefined` where there is none. */
  readonly fault: string | undefined;
  /** Whether the certificate is for the target's name. */
  readonly named: boolean;
  /** Whether each certificate is followed by its issuer's; `undefined` where the server's order could not be seen. */
  readonly ordered: boolean | undefined;
  readonly rootSent: boolean | undefined;
}

export interface ResumptionFacts {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** `undefined` where it could not be tried. */
  readonly resumed: boolean | undefined;
  /** What the server says its tickets live, in seconds. */
  readonly ticketLifetime: number | undefined;
}

/** Of the first connection; `undefined` for a phase that was not reached. */
export interface PhaseTimes {
  readonly connect: number | undefined;
  /** From connected to the go-ahead. */
  readonly dialogue: number | undefined;
  readonly handshake: number | undefined;
  /** From the handshake to the first reply under TLS. */
  readonly underTls: number | undefined;
}
