/** What happened in one second, or in several where the process was busy; times are in milliseconds. */
export interface Sample {
  /** The end of it, in seconds since 1970. */
  readonly at: number;
  /** How long it was, in seconds. */
  readonly seconds: number;
  readonly connections: number;
  readonly handshakes: number;
  readonly failures: number;
  /** Connections that were open at its end. */
  readonly open: number;
  /** Of the handshakes that succeeded: the median and the 95th percentile; `null` where there were none. */
  readonly handshakeMedian: number | null;
  readonly handshakeSlow: number | null;
  /** The longest delay of the event loop. */
  readonly loopDelay: number;
}

/** As many as a page shows. */
const SAMPLES = 300;

/** Handshakes of one second whose times are kept; with more, those that come later are left out. */
const TIMES = 2000;

/** The last five minutes, second by second: what a page shows that was opened only now. */
export class History {
  readonly #samples: Sample[] = [];
  #counts = { connections: 0, handshakes: 0, failures: 0 };
  #times: number[] = [];
  #loopDelay = 0;
  #since = Date.now();

  connected(): void {
    this.#counts.connections += 1;
  }

  secured(took: number): void {
    this.#counts.handshakes += 1;
    if (this.#times.length < TIMES) this.#times.push(took);
  }

  failed(): void {
    this.#counts.failures += 1;
  }

  /** Notes a delay of the event loop, and closes the sample when a second of the clock is over. */
  tick(delay: number, open: () => number): void {
    this.#loopDelay = Math.max(this.#loopDelay, delay);
    const at = Math.floor(Date.now() / 1000);
    if (at > Math.floor(this.#since / 1000)) this.#close(at, open());
  }

  /** Those that ended after `at`, in seconds since 1970. */
  after(at: number): readonly Sample[] {
    return this.#samples.filter(sample => sample.at > at);
  }

  #close(at: number, open: number): void {
    const times = this.#times.sort((one, other) => one - other);
    this.#samples.push({
      at,
      seconds: at - Math.floor(this.#since / 1000),
      ...this.#counts,
      open,
      handshakeMedian: quantile(times, 0.5),
      handshakeSlow: quantile(times, 0.95),
      loopDelay: rounded(this.#loopDelay),
    });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.#counts = { connections: 0, handshakes: 0, failures: 0 };
    this.#times = [];
    this.#loopDelay = 0;
    this.#since = at * 1000;
  }
}

function quantile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? null : rounded(value);
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
