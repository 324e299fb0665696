/** Clients that may learn in one second that their upstream has broken off; the others wait. */
const PER_SECOND = 200;

/**
 * Spreads what would happen to many at once: when an upstream is started anew all of its clients are cut off, and
 * would all be back in the same moment. One alone does not wait.
 */
export class Spread {
  /** When the next one is due, as `performance.now()`. */
  #next = 0;

  /** Milliseconds to wait; each call puts the next one off. */
  delay(): number {
    const now = performance.now();
    const due = Math.max(now, this.#next);
    this.#next = due + 1000 / PER_SECOND;
    return Math.round(due - now);
  }
}
