import type { Log } from '../../src/log.ts';

/** A log that remembers what it was told. */
export class RememberingLog implements Log {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  debug = this.#at('debug');
  info = this.#at('info');
  warn = this.#at('warn');
  error = this.#at('error');

  #at(level: string) {
    return (fields: object, message: string) => {
      this.lines.push({ level, fields: { ...fields }, message });
    };
  }
}
