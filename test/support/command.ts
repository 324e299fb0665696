import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { FROM_SOURCE, ROOT } from './root.ts';

/** The command as a user runs it; under coverage, and in the package, it is the built one. */
export const SALLYPORT: readonly string[] = FROM_SOURCE
  ? ['--no-warnings', '--import', 'tsx', join(ROOT, 'src/cli/main.ts')]
  : [join(ROOT, 'dist/src/cli/main.js')];

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `sallyport` process, with all that it prints. */
export class CommandProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #exited: Promise<unknown>;

  /** `through` is another program that becomes the command, as `args` tell it to, with more descriptors from 3 on. */
  constructor(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    through?: { readonly file: string; readonly descriptors: readonly number[] },
  ) {
    const { file, descriptors } = through ?? { file: process.execPath, descriptors: [] };
    this.child = spawn(file, through === undefined ? [...SALLYPORT, ...args] : args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
    });
    this.child.stdout?.setEncoding('utf8').on('data', text => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', text => {
      this.stderr += text;
    });
    this.#exited = once(this.child, 'close');
  }

  /** Waits until standard output, or else standard error, matches. */
  async until(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this[stream].match(pattern);
      if (match !== null) return match;
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}: ${this.stderr}`);
      const source = this.child[stream];
      if (source === null) throw new Error('no pipe');
      await Promise.race([once(source, 'data'), this.#exited]);
    }
  }

  async exit(): Promise<Run> {
    await this.#exited;
    return { status: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
