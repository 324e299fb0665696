import type { Log } from '../log.ts';

/** Between two lines, in milliseconds. */
const SPAN = 60_000;

/** Logs that connections are dropped unheard: at once, and then what came since once a minute, so that a flood of them is none of lines. */
export class DropLog {
  readonly #log: Log;
  #count = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  dropped(): void {
    this.#count += 1;
    if (this.#pause === undefined) this.#write();
  }

  #write(): void {
    this.#pause = undefined;
    if (this.#count === 0) return;
    this.#log.warn({ count: this.#count }, 'connections dropped: too many at once');
    this.#count = 0;
    this.#pause = setTimeout(() => this.#write(), SPAN).unref();
  }
}
