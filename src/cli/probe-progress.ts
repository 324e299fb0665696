import type { WriteStream } from 'node:tty';
import type { CheckId } from '../probe/check-table.ts';
import type { ProbeResult } from '../probe/probe-result.ts';
import { shown } from './report/shown.ts';

/** A terminal that does not know its width says 0. */
export const UNKNOWN_WIDTH = 80;

/** One line on a terminal that says how far the probe has come; nothing where standard error is no terminal. */
export class ProbeProgress {
  readonly #total: number;
  readonly #stream: WriteStream;
  #done = 0;
  #last = '';

  constructor(total: number, stream: WriteStream = process.stderr) {
    this.#total = total;
    this.#stream = stream;
    this.#draw('');
  }

  readonly check = (check: CheckId): void => this.#draw(check);

  readonly result = ({ target }: ProbeResult): void => {
    this.#done += 1;
    this.#draw(shown(target.url));
  };

  /** Takes the line away. */
  clear(): void {
    if (this.#stream.isTTY && this.#last !== '') this.#stream.write('\r\x1b[K');
    this.#last = '';
  }

  #draw(what: string): void {
    if (!this.#stream.isTTY) return;
    const line = `probing: ${this.#done} of ${this.#total} done  ${what}`.slice(
      0,
      (this.#stream.columns || UNKNOWN_WIDTH) - 1,
    );
    if (line === this.#last) return;
    this.#last = line;
    this.#stream.write(`\r${line}\x1b[K`);
  }
}
