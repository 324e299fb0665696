import type { SallyportError } from '../errors.ts';

/** What a limit says: nothing, or why not; at once where there is nothing to ask. */
export type Verdict = Promise<SallyportError | undefined> | undefined;

/** What connections have to pass, and again before their handshake. Who has been admitted is released at the same gate. */
export interface Gate {
  /** Counts one more at once; or says why not, and counts nothing. */
  admit(address: string): SallyportError | undefined;
  release(address: string): void;
  /** Counts one more connection over time. */
  connect(address: string): Verdict;
  /** Counts one more handshake over time, before it begins. */
  secure(address: string): Verdict;
}

/** Two gates behind each other; whom the first refuses, the second does not count. */
export class BothGates implements Gate {
  readonly #first: Gate;
  readonly #second: Gate;

  constructor(first: Gate, second: Gate) {
    this.#first = first;
    this.#second = second;
  }

  admit(address: string): SallyportError | undefined {
    const first = this.#first.admit(address);
    if (first !== undefined) return first;
    const second = this.#second.admit(address);
    if (second !== undefined) this.#first.release(address);
    return second;
  }

  release(address: string): void {
    this.#first.release(address);
    this.#second.release(address);
  }

  connect(address: string): Verdict {
    const asked = this.#first.connect(address);
    return asked === undefined
      ? this.#second.connect(address)
      : asked.then(refusal => refusal ?? this.#second.connect(address));
  }

  secure(address: string): Verdict {
    const asked = this.#first.secure(address);
    return asked === undefined
      ? this.#second.secure(address)
      : asked.then(refusal => refusal ?? this.#second.secure(address));
  }
}
