import type { Ports } from './control.ts';

/** Something that is measured: a process that serves, whoever wrote it. */
export interface Measured {
  readonly name: string;
  readonly pid: number;
  readonly ports: Ports;
  /** User and system time of all its processes so far, in microseconds. */
  processorTime(): number;
  /** Has it give back what it does not need, as far as it can be asked to. */
  collectGarbage(): Promise<void>;
  /** Ends it in order, and resolves when it is gone. */
  end(): Promise<void>;
}
