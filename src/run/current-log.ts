import { type Log, silent } from '../log.ts';

/** A log whose target can be replaced while others hold it. */
export class CurrentLog implements Log {
  #target: Log = silent;

  use(target: Log): void {
    this.#target = target;
  }

  debug(fields: object, message: string): void {
    this.#target.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#target.info(fields, message);
  }

  warn(fields: object, message: string): void {
    this.#target.warn(fields, message);
  }

  error(fields: object, message: string): void {
    this.#target.error(fields, message);
  }
}
