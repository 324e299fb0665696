import type { Configuration } from '../config/configuration.ts';
import { type Mistake, mistakeText } from '../config/mistake.ts';
import type { ReadConfiguration } from '../config/read-configuration.ts';
import { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Reloaded } from './service.ts';

/** What a configuration is put in force by: a service, or more than that. */
export interface Reloadable {
  /** Rejects where it cannot be, and all goes on as before. */
  reload(configuration: Configuration): Promise<Reloaded>;
}

export interface ReloadSteps {
  /** Reads the configuration as it is now. */
  read(): Promise<ReadConfiguration>;
  /** It is in force. */
  reloaded(configuration: Configuration): Promise<void>;
}

/** Puts a configuration that has changed in force, one after the other; a bad one changes nothing, and the log says so. */
export class Reloader {
  readonly #service: Reloadable;
  readonly #log: Log;
  readonly #steps: ReloadSteps;
  #under: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;

  constructor(service: Reloadable, log: Log, steps: ReloadSteps) {
    this.#service = service;
    this.#log = log;
    this.#steps = steps;
  }

  /** Resolves when what is in the file now is in force, or refused, with which of the two. Never rejects. */
  reload(): Promise<boolean> {
    if (this.#under === undefined) {
      this.#under = this.#once().finally(() => {
        this.#under = undefined;
      });
      return this.#under;
    }
    // However many ask meanwhile: one more reading sees what all of them mean.
    this.#next ??= this.#under.then(() => {
      this.#next = undefined;
      return this.reload();
    });
    return this.#next;
  }

  async #once(): Promise<boolean> {
    try {
      const { configuration, mistakes } = await this.#steps.read();
      if (configuration === undefined) {
        this.#refuse(mistakes);
        return false;
      }
      const reloaded = await this.#service.reload(configuration);
      await this.#steps.reloaded(configuration);
      this.#log.info({ file: configuration.file, ...reloaded }, 'reloaded');
      return true;
    } catch (error) {
      this.#log.error(faultFields(error), 'reload refused: all goes on as before');
      return false;
    }
  }

  #refuse(mistakes: readonly Mistake[]): void {
    for (const mistake of mistakes)
      this.#log.error({ mistake: mistakeText(mistake) }, 'mistake in the configuration');
    this.#log.error({ mistakes: mistakes.length }, 'reload refused: all goes on as before');
  }
}

function faultFields(error: unknown): object {
  if (error instanceof SallyportError) return { code: error.code, reason: error.message };
  return { err: error };
}
