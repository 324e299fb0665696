/** What a follower may know of the session that it follows. */
export interface FollowedSession {
  /** Our name, for replies of our own. */
  readonly hostname: string;
  /** Whether the client's connection is under TLS. */
  readonly secure: boolean;
  /** What is allowed without TLS: nothing, or everything. */
  readonly policy: 'required' | 'optional';
  /** The client's address: IPv4 where it is one, though mapped into IPv6; `undefined` behind a Unix socket. */
  readonly client: string | undefined;
  /** The address under which clients reach our data connections. */
  readonly announced: string;
  /** The upstream's address; `undefined` where no data connections are to be had from it. */
  readonly upstream: string | undefined;
}

/** Who connects to whom for the client's end of a data connection. */
export type DataConnection =
  /** The client connects to us: listen, then call `listening`. */
  | { readonly mode: 'passive'; readonly upstreamPort: number }
  /** We connect to the client, when the upstream has said that the transfer begins. */
  | { readonly mode: 'active'; readonly upstreamPort: number; readonly port: number };

export interface Transfer {
  /** Whether the client's end is under TLS. */
  readonly secure: boolean;
  /** Who sends, and by closing says that all was sent. */
  readonly sender: 'client' | 'upstream';
}

/** What is to be done in a session that is followed, in this order. Text is latin1, with its line end. */
export type Move =
  /** Say so to the client. */
  | { readonly kind: 'reply'; readonly text: string }
  /** Say so to the upstream. */
  | { readonly kind: 'forward'; readonly text: string }
  /** A data connection is agreed on. */
  | { readonly kind: 'open'; readonly connection: DataConnection }
  /** It is about to be used; call `transferred` when that is over, however it ends. */
  | { readonly kind: 'transfer'; readonly transfer: Transfer }
  /** The upstream has begun to serve it. */
  | { readonly kind: 'proceed' }
  /** Break it off, if there is one, with no word of how it ended. */
  | { readonly kind: 'drop' };

/**
 * How a transfer ended: all was sent and taken; no TLS could be had; the client's end of it never came; or it broke
 * off, on whatever side.
 */
export type TransferEnd = 'complete' | 'insecure' | 'absent' | 'broken';

/**
 * Follows a session in a proxy behind the hand-over, line by line, where a plain copy is not enough because the
 * session opens more connections. No I/O, no clock: lines in, moves out.
 */
export interface Follower {
  /** Bytes of the client's longest line, its end included. */
  readonly lineLimit: number;
  /** Whether the client's next line may come; else it is read no further. */
  readonly ready: boolean;
  /** Whether nothing is outstanding: no reply, no transfer. */
  readonly idle: boolean;
  /** Whether the upstream has taken leave, so that its end is no surprise. */
  readonly over: boolean;
  /** A line from the client, without its end. */
  command(line: string): readonly Move[];
  /** A line from the upstream, without its end. Throws ERR_UPSTREAM_REPLY for what is none of the protocol. */
  answer(line: string): readonly Move[];
  /** We listen for the client's data connection on this port; or could not, with `undefined`. */
  listening(port: number | undefined): readonly Move[];
  transferred(end: TransferEnd): readonly Move[];
}
