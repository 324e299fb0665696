type Expired = 'quiet' | 'total';

/**
 * Watches two limits with one timer: the time since the last sign of life, and the time in all, both in
 * milliseconds and 0 for none. A sign of life costs a clock reading and no timer.
 */
export class Deadline {
  readonly #quiet: number;
  readonly #end: number;
  readonly #expired: (limit: Expired) => void;
  #quietEnd: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(quiet: number, total: number, expired: (limit: Expired) => void) {
    const now = performance.now();
    this.#quiet = quiet > 0 ? quiet : Number.POSITIVE_INFINITY;
    this.#end = total > 0 ? now + total : Number.POSITIVE_INFINITY;
    this.#quietEnd = now + this.#quiet;
    this.#expired = expired;
    this.#arm(now);
  }

  /** The peer has shown a sign of life. */
  refresh(): void {
    this.#quietEnd = performance.now() + this.#quiet;
  }

  /** Returns `undefined`, to forget it by. */
  stop(): undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return undefined;
  }

  #arm(now: number): void {
    const next = Math.min(this.#quietEnd, this.#end);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#check(), Math.max(1, Math.ceil(next - now)));
  }

  #check(): void {
    const now = performance.now();
    if (now >= this.#end) this.#expired('total');
    else if (now >= this.#quietEnd) this.#expired('quiet');
    else this.#arm(now);
  }
}
