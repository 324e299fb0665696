import { setTimeout as pause } from 'node:timers/promises';
import { type Log, silent } from '../log.ts';
import type { Certificate, StapleSource } from '../options.ts';
import { HeldStaple, type StapleStatus, type StapleSurroundings } from './held-staple.ts';
import { staplingFacts } from './stapling-facts.ts';

export interface OcspStaplesOptions {
  /** Any pino logger. Default: silence. */
  readonly log?: Log;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly clock?: () => number;
  /** For an answer, in milliseconds. Default 10 s. */
  readonly timeout?: number;
  /** The first pause after a failure, in milliseconds; it is doubled with each, up to an hour. Default 15 s. */
  readonly retry?: number;
  /** How long `prepare` waits at most, in milliseconds. Default 5 s. */
  readonly patience?: number;
}

/** A certificate, and the file that the log names. */
export interface ServedFile {
  readonly file: string;
  readonly certificate: Certificate;
}

const TIMEOUT = 10_000;
const RETRY = 15_000;
const PATIENCE = 5_000;
/** How often to look whether one is due at least, in milliseconds: clocks are set, and timers do not count sleep. */
const LOOK = 60_000;
/** So many are asked for at once. */
const AT_ONCE = 8;

/**
 * The OCSP responses for certificates that name a responder (RFC 6960, RFC 6066 section 8): fetched, verified, and fetched
 * anew at about half of their time. No handshake waits for one.
 */
export class OcspStaples implements StapleSource {
  readonly #surroundings: StapleSurroundings;
  readonly #patience: number;
  /** By the chain: files that are read again have the same one. */
  #held: ReadonlyMap<string, HeldStaple> = new Map();
  #running = false;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor(options: OcspStaplesOptions = {}) {
    const { log = silent, clock = Date.now, timeout = TIMEOUT, retry = RETRY, patience = PATIENCE } = options;
    this.#surroundings = { log, clock, timeout, retry };
    this.#patience = patience;
  }

  for({ cert }: Certificate): Uint8Array | undefined {
    return this.#held.get(cert)?.response;
  }

  status({ cert }: Certificate): StapleStatus | undefined {
    return this.#held.get(cert)?.status;
  }

  /** Whether any certificate names a responder that can be asked. */
  get able(): boolean {
    return [...this.#held.values()].some(({ able }) => able);
  }

  /** These are the certificates now; those of before keep what they have. */
  keep(served: readonly ServedFile[]): void {
    this.#held = this.#holding(served);
    if (this.#running) this.#schedule();
  }

  /**
   * These are to be the certificates soon. Where one of them is new and clients refuse it without a response (RFC 7633),
   * resolves when that is there, or cannot be had, or is not there in time, which is told. Before `start` nobody is asked.
   */
  async prepare(served: readonly ServedFile[]): Promise<void> {
    if (!this.#running) return;
    const coming = this.#holding(served.filter(({ certificate: { cert } }) => !this.#held.has(cert)));
    const awaited = [...coming.values()].filter(({ able, status }) => able && status.mustStaple);
    if (awaited.length === 0) return;
    // What is served meanwhile keeps its own.
    this.#held = new Map([...this.#held, ...coming]);
    const over = new AbortController();
    const late = pause(this.#patience, undefined, { ref: false, signal: over.signal }).catch(() => undefined);
    await Promise.race([refreshAll(awaited), late]);
    over.abort();
    for (const { file, response } of awaited) {
      if (response === undefined)
        this.#surroundings.log.warn(
          { file },
          'certificate that must be stapled is used without OCSP response',
        );
    }
  }

  /** Asks from now on. Does not keep the process alive. */
  start(): void {
    this.#running = true;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const dues = this.#waiting.map(({ due }) => due);
    if (!this.#running || this.#look !== undefined || dues.length === 0) return;
    const pause = Math.min(Math.max(Math.min(...dues) - this.#surroundings.clock(), 0), LOOK);
    this.#timer = setTimeout(() => {
      this.#look = this.#refresh().finally(() => {
        this.#look = undefined;
        this.#schedule();
      });
    }, pause).unref();
  }

  get #waiting(): readonly HeldStaple[] {
    return [...this.#held.values()].filter(({ able }) => able);
  }

  async #refresh(): Promise<void> {
    const now = this.#surroundings.clock();
    await refreshAll(this.#waiting.filter(each => each.due <= now));
  }

  #holding(served: readonly ServedFile[]): ReadonlyMap<string, HeldStaple> {
    const entries = served.map(({ file, certificate }) => {
      const { cert } = certificate;
      const held = this.#held.get(cert);
      return [cert, held ?? new HeldStaple(file, staplingFacts(certificate), this.#surroundings)] as const;
    });
    return new Map(entries);
  }
}

async function refreshAll(staples: readonly HeldStaple[]): Promise<void> {
  const due = [...staples];
  const work = async () => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) await next.refresh();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
