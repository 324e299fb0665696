import { type FSWatcher, watch } from 'chokidar';

export interface FileWatchOptions {
  /** Files and directories. */
  readonly paths: readonly string[];
  /** Nothing may have happened for so long, in milliseconds: a renewal writes several files. */
  readonly settle: number;
  /** How often to look even so, in milliseconds: what is mounted, or linked anew far away, may tell nobody. */
  readonly poll: number;
}

/** How far below a directory its certificates may be. */
const DEPTH = 2;

/** Calls back when files may have changed, and in any case at every poll. It does not keep the process alive. */
export class FileWatch {
  readonly #watcher: FSWatcher;
  readonly #poll: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;

  constructor({ paths, settle, poll }: FileWatchOptions, changed: () => void) {
    const soon = () => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(changed, settle).unref();
    };
    this.#watcher = watch([...paths], {
      ignoreInitial: true,
      persistent: false,
      depth: DEPTH,
      atomic: false,
    });
    this.#watcher.on('all', soon);
    // Such as more files than the system lets be watched: there is still the poll.
    this.#watcher.on('error', () => undefined);
    this.#poll = setInterval(changed, poll).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#settling);
    clearInterval(this.#poll);
    await this.#watcher.close();
  }
}
