import { dirname, resolve } from 'node:path';
import { SallyportError } from '../errors.ts';
import { printable } from '../wire/printable.ts';
import type { Mistake } from './mistake.ts';
import { formAt, type Shape } from './shape.ts';
import type { Path, Source } from './source.ts';

/** A configuration while it is read: its source, and the mistakes found so far. */
export class Reading {
  readonly source: Source;
  readonly shape: Shape;
  readonly mistakes: Mistake[] = [];

  constructor(source: Source, shape: Shape) {
    this.source = source;
    this.shape = shape;
  }

  /** A file that the configuration names: from its own folder. */
  file(name: string): string {
    return resolve(dirname(this.source.file), name);
  }

  /** `right` is what the schema says of the place where nothing else is given. */
  report(path: Path, found: string, right = `it must be ${formAt(this.shape, path)}`): void {
    const { file } = this.source;
    this.mistakes.push({ file, position: this.source.position(path), found, right });
  }

  /** The same of a file that is named there. */
  reportFile(path: Path, found: string): void {
    this.report(path, found, formAt(this.shape, path).replace(/^the name of/, 'name'));
  }

  /** What is refused as the user's fault is a mistake at the place that `where` finds by the reason, and no value. */
  async taken<T>(
    make: () => T | Promise<T>,
    where: (reason: string) => Path,
    right?: string,
  ): Promise<T | undefined> {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof SallyportError) || error.blame !== 'config') throw error;
      const reason = error.message.slice(error.summary.length).replace(/^: /, '');
      if (right === undefined) this.reportFile(where(reason), printable(reason, 300));
      else this.report(where(reason), printable(reason, 300), right);
      return undefined;
    }
  }
}
