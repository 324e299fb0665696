import { Buffer } from 'node:buffer';
import { type ErrorCode, SallyportError } from '../errors.ts';
import { startsClientHello } from '../wire/client-hello.ts';
import type { Inbox } from '../wire/inbox.ts';
import { isWhitespace } from '../wire/whitespace.ts';
import type { TlsFacts } from './tls-facts.ts';

export type Side = 'client' | 'server';

/** What a dialogue waits for. */
export type Need =
  | { readonly kind: 'input'; readonly peer: Peer }
  /** That the upstream has been dialled. */
  | { readonly kind: 'connection'; readonly peer: Peer; readonly upgradeCommand: string | undefined }
  /** Whoever says something first: the peer, or the other one. */
  | { readonly kind: 'either'; readonly peer: Peer; readonly other: Peer }
  /** That what was written has left: a peer that does not read gets no more replies made. */
  | { readonly kind: 'drain'; readonly peer: Peer }
  | {
      readonly kind: 'tls';
      readonly peer: Peer;
      /** The reply that lets the client send its ClientHello; empty where we are the client. */
      readonly goAhead: string | Uint8Array;
      /** What came right behind the upgrade command, or nothing, where the protocol lets TLS come early. */
      readonly early: Uint8Array | undefined;
      /** Whether white space before the ClientHello is dropped. */
      readonly skipWhitespace: boolean;
      /** Whether the client must agree on an ALPN protocol. */
      readonly requireAlpn: boolean;
      /** Chooses the certificate where the client's SNI does not. */
      readonly servername: string | undefined;
      /** What the dialogue under TLS reads first, though it was said in plaintext; empty for nothing. */
      readonly carry: string;
      /** Whether the dialogue goes on, with words of its own, where the limits refuse the upgrade. */
      readonly refusable: boolean;
      /** Whether the dialogue goes on in place (we are the client) or begins anew (we are the server). */
      readonly resumes: boolean;
    };

/** A part of a dialogue that may have to wait; call it with `yield*`. */
export type Step<T> = Generator<Need, T, void>;

/** What is said up to TLS, or up to the first command that is not about TLS. */
export type Dialogue = Step<'handOver' | 'close'>;

/** What flows between a peer, as its dialogue sees it, and the machine that runs the dialogue. */
export interface Channel {
  readonly inbox: Inbox;
  /** Written and not yet taken by the machine. */
  outbox: (string | Uint8Array)[];
  /** Bytes in the outbox. */
  queued: number;
  /** Whether the other end has said that nothing more will come. */
  ended: boolean;
  /** The error of a wait for one who has ended. */
  readonly closedAs: ErrorCode;
  /** How many bad commands the peer may still give. */
  patience: number;
  /** What the last handshake on this connection negotiated. */
  tls: TlsFacts | undefined;
  /** What to do with plaintext behind the upgrade command. */
  readonly plaintextAfterUpgrade: 'refuse' | 'discard';
  /** Bytes of plaintext behind an upgrade command. */
  dropped: number;
}

export interface StartTlsOptions {
  /** What came behind the upgrade command is the ClientHello (mysql, telnet): it goes to TLS. Default `false`. */
  readonly early?: boolean;
  /** White space behind the upgrade command, and before the ClientHello, is dropped (xmpp). Default `false`. */
  readonly skipWhitespace?: boolean;
  /** A client that agrees on no ALPN protocol is refused (postgres without an upgrade command). Default `false`. */
  readonly requireAlpn?: boolean;
  /** The name by which the client called us: for the choice of a certificate where it sends no SNI (xmpp). Default: none. */
  readonly servername?: string | undefined;
  /**
   * The one thing that outlives the upgrade: what the standard has answered under TLS, though it was said in
   * plaintext (http: the request that asked, RFC 2817 section 3.3). The new dialogue reads it first, as latin1.
   * Nobody vouches for who said it: it must not change anything. Default: nothing.
   */
  readonly carry?: string;
}

export interface RefusableTlsOptions extends StartTlsOptions {
  /** Said in the place of the go-ahead where the limits refuse a handshake for now; it counts as a bad command. */
  readonly refusal: string | Uint8Array;
}

const DEFAULT_LINE_LIMIT = 8192;

/**
 * Bytes of replies after which a dialogue waits for its peer to read: what a stream of Node's takes before it
 * asks for patience. One read of 64 KiB could else make a MiB of replies to short commands.
 */
const OUTBOX_LIMIT = 16_384;

/**
 * One end of a connection as a dialogue sees it: lines and bytes in, replies out, and the one way to TLS.
 * Text is latin1, limits are in bytes and count the line end.
 */
export class Peer {
  readonly side: Side;
  /** What TLS negotiated; `undefined` in plaintext. */
  readonly tls: TlsFacts | undefined;
  /** Whether TLS was turned on in-band: then the greeting has been said, in plaintext. */
  readonly upgraded: boolean;
  /** How the client introduced itself in this dialogue (its EHLO line); forgotten at the upgrade. */
  introduction: string | undefined;
  /** Whether this peer's greeting has been read, or needs no reading; for an upstream. */
  greeted = false;
  /** How far the exchange with it has come, as the protocol counts; for a farewell that has to be numbered. */
  progress = 0;
  readonly #channel: Channel;
  readonly #input: Need;
  readonly #drain: Need;

  constructor(side: Side, channel: Channel, tls?: TlsFacts, upgraded = false) {
    this.side = side;
    this.tls = tls;
    this.upgraded = upgraded;
    this.introduction = undefined;
    this.#channel = channel;
    this.#input = { kind: 'input', peer: this };
    this.#drain = { kind: 'drain', peer: this };
  }

  /** Whether TLS is on. */
  get secure(): boolean {
    return this.tls !== undefined;
  }

  /** The next line, without its end (CRLF or LF). Throws ERR_LINE_TOO_LONG, ERR_BAD_LINE, ERR_PEER_CLOSED. */
  *line(limit = DEFAULT_LINE_LIMIT): Step<string> {
    if (this.#channel.queued >= OUTBOX_LIMIT) yield this.#drain;
    for (;;) {
      const line = this.#channel.inbox.line(limit);
      if (line !== undefined) return line;
      yield this.#more();
    }
  }

  /**
   * The next line where a command is expected. Besides what `line` throws: ERR_CLIENT_HELLO at the first
   * byte of a TLS record (s_client sends its ClientHello even after a refusal), and ERR_HTTP_REQUEST for an
   * HTTP request line (a browser made to speak to us: ALPACA, CVE-2021-3618).
   */
  *command(limit = DEFAULT_LINE_LIMIT): Step<string> {
    const { inbox } = this.#channel;
    // As `begin` and `line` would do, without two generators more for each of many short commands.
    if (inbox.peek() === undefined || this.#channel.queued >= OUTBOX_LIMIT) yield* this.begin();
    else if (startsClientHello(inbox.peek())) throw new SallyportError('ERR_CLIENT_HELLO');
    const line = inbox.line(limit) ?? (yield* this.line(limit));
    if (HTTP_REQUEST_LINE.test(line)) throw new SallyportError('ERR_HTTP_REQUEST');
    return line;
  }

  /**
   * Waits for the first byte of a command, and leaves it unread. Throws ERR_CLIENT_HELLO where it begins a TLS
   * record.
   */
  *begin(): Step<void> {
    if (startsClientHello(yield* this.peek())) throw new SallyportError('ERR_CLIENT_HELLO');
  }

  /** The next byte, which stays unread. */
  *peek(): Step<number> {
    if (this.#channel.queued >= OUTBOX_LIMIT) yield this.#drain;
    for (;;) {
      const byte = this.#channel.inbox.peek();
      if (byte !== undefined) return byte;
      yield this.#more();
    }
  }

  /**
   * Waits until the upstream, which this is, has been dialled: only then is it known whether it is `greeted`. Where its
   * TLS is turned on in-band, `upgradeCommand` takes the place of our own (mysql, whose login begins with it).
   */
  *connection({ upgradeCommand }: { readonly upgradeCommand?: string } = {}): Step<void> {
    yield { kind: 'connection', peer: this, upgradeCommand };
  }

  /** Waits until this peer or the other one has said something, which stays unread; returns who, this one first. */
  *first(other: Peer): Step<Peer> {
    for (;;) {
      if (this.#channel.inbox.length > 0) return this;
      if (other.#channel.inbox.length > 0) return other;
      this.#more();
      other.#more();
      yield { kind: 'either', peer: this, other };
    }
  }

  /** Exactly `count` bytes. */
  *bytes(count: number): Step<Uint8Array> {
    if (this.#channel.queued >= OUTBOX_LIMIT) yield this.#drain;
    for (;;) {
      const bytes = this.#channel.inbox.bytes(count);
      if (bytes !== undefined) return bytes;
      yield this.#more();
    }
  }

  /** All up to and with `token`. Throws ERR_LINE_TOO_LONG past `limit` bytes. */
  *through(token: string, limit = DEFAULT_LINE_LIMIT): Step<string> {
    if (this.#channel.queued >= OUTBOX_LIMIT) yield this.#drain;
    for (;;) {
      const text = this.#channel.inbox.through(token, limit);
      if (text !== undefined) return text;
      yield this.#more();
    }
  }

  /** Puts back what was read too far: after a hand-over it is the first thing the application reads. */
  unread(data: string | Uint8Array): void {
    this.#channel.inbox.unread(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Queues a reply. All that is queued leaves in one write when the dialogue next waits or ends. */
  write(data: string | Uint8Array): void {
    this.#channel.outbox.push(data);
    this.#channel.queued += data.length;
  }

  /** Queues the reply to a bad command and counts it. Throws ERR_BAD_COMMANDS when there were too many. */
  reject(reply: string | Uint8Array): void {
    this.write(reply);
    this.#channel.patience -= 1;
    if (this.#channel.patience < 0) throw new SallyportError('ERR_BAD_COMMANDS');
  }

  /**
   * Turns TLS on as its server. The go-ahead leaves only if nothing lies behind the upgrade command; else
   * ERR_PLAINTEXT_AFTER_UPGRADE (CVE-2011-0411), or the bytes are dropped, as the policy says. Never
   * returns: under TLS a new dialogue begins, so that nothing said in plaintext can be kept (RFC 3207
   * section 4.2), but for what is given as `carry`. Where the limits refuse the handshake, the connection ends with
   * the farewell; but with a `refusal` that is said, and `startTls` returns.
   */
  startTls(goAhead: string | Uint8Array, options: RefusableTlsOptions): Step<void>;
  startTls(goAhead: string | Uint8Array, options?: StartTlsOptions): Step<never>;
  *startTls(
    goAhead: string | Uint8Array,
    options: StartTlsOptions & Partial<RefusableTlsOptions> = {},
  ): Step<void> {
    const { refusal } = options;
    const { early = false, skipWhitespace = false, requireAlpn = false, servername, carry = '' } = options;
    const unread = this.#channel.inbox.take();
    const harmless = unread.length === 0 || early || (skipWhitespace && isWhitespace(unread));
    if (!harmless) this.#channel.dropped += unread.length;
    if (!harmless && this.#channel.plaintextAfterUpgrade === 'refuse') {
      throw new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE');
    }
    const first = early ? unread : undefined;
    const terms = { early: first, skipWhitespace, requireAlpn, servername, carry };
    yield { kind: 'tls', peer: this, goAhead, ...terms, refusable: refusal !== undefined, resumes: false };
    if (refusal === undefined) throw new Error('a dialogue was resumed behind its upgrade');
    this.reject(refusal);
  }

  /**
   * Turns TLS on as its client, after the server's go-ahead; the dialogue goes on with a new `Peer`, which
   * is returned. Anything behind the go-ahead is ERR_PLAINTEXT_AFTER_UPGRADE, whatever the policy
   * (CVE-2021-38371, CVE-2021-23222).
   */
  *connectTls(): Step<Peer> {
    if (this.#channel.inbox.length > 0) throw new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE');
    const none = { early: undefined, skipWhitespace: false, requireAlpn: false, servername: undefined };
    const plain = { ...none, carry: '', refusable: false };
    yield { kind: 'tls', peer: this, goAhead: '', ...plain, resumes: true };
    return new Peer(this.side, this.#channel, this.#channel.tls, true);
  }

  /** What to wait for where bytes are lacking. */
  #more(): Need {
    if (this.#channel.ended) throw new SallyportError(this.#channel.closedAs);
    return this.#input;
  }
}

const HTTP_REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/[0-9.]+$/;
