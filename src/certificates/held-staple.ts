import type { X509Certificate } from 'node:crypto';
import { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';
import { post } from '../net/post.ts';
import { printable } from '../wire/printable.ts';
import type { StaplingFacts } from './stapling-facts.ts';

/** What is to be known of the OCSP response for a certificate. */
export interface StapleStatus {
  /**
   * `stapled`: clients that ask get it. `missing`: there is none now. `revoked`: the responder says so, and clients get
   * none.
   */
  readonly state: 'stapled' | 'missing' | 'revoked';
  /** Whom the certificate names; `undefined` where nobody, or where its issuer does not stand behind it. */
  readonly responder: string | undefined;
  /** Whether clients refuse the certificate without a response (RFC 7633). */
  readonly mustStaple: boolean;
  /** When the one in use runs out. */
  readonly expires: Date | undefined;
  /** Why there was no new one when it was last asked for. */
  readonly error: SallyportError | undefined;
  /** How many times it was asked for, and how many times in vain, since the start. */
  readonly fetches: number;
  readonly failures: number;
}

export interface StapleSurroundings {
  readonly log: Log;
  readonly clock: () => number;
  /** For one answer, in milliseconds. */
  readonly timeout: number;
  /** The first pause after a failure, in milliseconds; it is doubled with each, up to an hour. */
  readonly retry: number;
}

/** Responses with the certificates of a delegate have about 2 KiB. */
const LONGEST = 65_536;
const SHORTEST_PAUSE = 60_000;
const LONGEST_RETRY = 3_600_000;
/** What has no end is asked for anew within this. */
const WITHOUT_END = 3_600_000;

/** The OCSP response for one certificate, over the time. */
export class HeldStaple {
  /** The file that the log names. */
  readonly file: string;
  readonly #facts: StaplingFacts;
  readonly #surroundings: StapleSurroundings;
  #response: { readonly der: Uint8Array; readonly expires: number } | undefined;
  #revoked = false;
  #error: SallyportError | undefined;
  #told: 'nothing' | 'failing' | 'missing' = 'nothing';
  #fetches = 0;
  #failures = 0;
  #inARow = 0;
  #due = 0;
  #asking: Promise<void> | undefined;

  constructor(file: string, facts: StaplingFacts, surroundings: StapleSurroundings) {
    this.file = file;
    this.#facts = facts;
    this.#surroundings = surroundings;
    const { responder, issuer, mustStaple } = facts;
    if (responder !== undefined && issuer === undefined) {
      surroundings.log.warn({ file, responder }, 'no OCSP response without the issuer in the chain');
    } else if (mustStaple && responder === undefined) {
      surroundings.log.warn({ file }, 'certificate must be stapled, and names no OCSP responder');
    }
  }

  /** Whether there is anybody to ask. */
  get able(): boolean {
    return this.#facts.responder !== undefined && this.#facts.issuer !== undefined;
  }

  /** What clients get now, DER. */
  get response(): Uint8Array | undefined {
    const { der, expires = 0 } = this.#response ?? {};
    return this.#surroundings.clock() < expires ? der : undefined;
  }

  /** When to ask again, in milliseconds since 1970. */
  get due(): number {
    return this.#due;
  }

  get status(): StapleStatus {
    const { responder, mustStaple } = this.#facts;
    const there = this.response !== undefined;
    return {
      state: this.#revoked ? 'revoked' : there ? 'stapled' : 'missing',
      responder: this.able ? responder : undefined,
      mustStaple,
      expires: there && this.#response ? new Date(this.#response.expires) : undefined,
      error: this.#error,
      fetches: this.#fetches,
      failures: this.#failures,
    };
  }

  /** Asks the responder, once at a time; what comes of it is in `status`, and is told when it is new. Never rejects. */
  refresh(): Promise<void> {
    this.#asking ??= this.#refresh().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #refresh(): Promise<void> {
    const { responder, issuer, leaf } = this.#facts;
    if (responder === undefined || issuer === undefined) return;
    this.#fetches += 1;
    try {
      await this.#ask(responder, { leaf, issuer });
    } catch (cause) {
      this.#fail(cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  async #ask(
    url: string,
    asked: { readonly leaf: X509Certificate; readonly issuer: X509Certificate },
  ): Promise<void> {
    // Loaded only where a certificate names a responder.
    const [{ ocspRequest }, { readOcspResponse }] = await Promise.all([
      import('./ocsp-request.ts'),
      import('./ocsp-response.ts'),
    ]);
    const der = await post({
      url,
      contentType: 'application/ocsp-request',
      body: ocspRequest(asked),
      timeout: this.#surroundings.timeout,
      limit: LONGEST,
    });
    const now = this.#surroundings.clock();
    const { status, nextUpdate } = readOcspResponse(der, asked, now);
    if (status === 'unknown') throw new Error('the responder does not know the certificate');
    const expires = nextUpdate ?? now + WITHOUT_END;
    if (status === 'revoked') this.#revoke(expires);
    else this.#take(der, expires);
  }

  #take(der: Uint8Array, expires: number): void {
    const { log } = this.#surroundings;
    if (this.#told !== 'nothing' || this.#revoked)
      log.info({ file: this.file }, 'OCSP response is there again');
    this.#response = { der, expires };
    this.#settle(expires, false);
  }

  /**
   * Not stapled, as with nginx and Caddy: clients that insist on a response refuse the certificate without a good one too,
   * and for others a server does not end its own service. The "good" one of before would be a lie by now.
   */
  #revoke(expires: number): void {
    const { responder } = this.#facts;
    if (!this.#revoked)
      this.#surroundings.log.error({ file: this.file, responder }, 'certificate is revoked');
    this.#response = undefined;
    this.#settle(Math.min(expires, this.#surroundings.clock() + WITHOUT_END), true);
  }

  #settle(expires: number, revoked: boolean): void {
    const now = this.#surroundings.clock();
    this.#revoked = revoked;
    this.#error = undefined;
    this.#told = 'nothing';
    this.#inARow = 0;
    // At about half of what is left, so that there is time for many a failure.
    this.#due = now + Math.max((expires - now) * (0.4 + Math.random() / 5), SHORTEST_PAUSE);
  }

  #fail(reason: string, cause: unknown): void {
    const { log, clock, retry } = this.#surroundings;
    this.#failures += 1;
    this.#error = new SallyportError('ERR_OCSP', printable(reason), { cause });
    const pause = Math.min(retry * 2 ** this.#inARow, LONGEST_RETRY);
    this.#inARow += 1;
    this.#due = clock() + pause * (0.75 + Math.random() / 2);
    const stage = this.response === undefined ? 'missing' : 'failing';
    if (stage === this.#told || this.#revoked) return;
    this.#told = stage;
    const { responder, mustStaple } = this.#facts;
    const { code, message } = this.#error;
    const fields = { file: this.file, responder, code, reason: message };
    if (stage === 'failing') log.warn(fields, 'no new OCSP response');
    else if (mustStaple) log.error(fields, 'certificate must be stapled, and there is no OCSP response');
    else log.warn(fields, 'no OCSP response');
  }
}
