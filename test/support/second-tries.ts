import Mocha from 'mocha';

/**
 * Mocha's own report, and at its end each test that failed and then passed: with `--retries`, as CI has it, which
 * runs on machines that others keep busy. What stands here is to be mended all the same.
 */
export default class SecondTries extends Mocha.reporters.Spec {
  readonly #failures = new Map<string, string>();
  readonly #passed: string[] = [];

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('retry', (test, error) => this.#failures.set(test.fullTitle(), firstLines(error)));
    runner.on('pass', test => {
      if (this.#failures.has(test.fullTitle())) this.#passed.push(test.fullTitle());
    });
  }

  override epilogue(): void {
    super.epilogue();
    if (this.#passed.length === 0) return;
    console.log(`  ${this.#passed.length} passed only when tried again`);
    for (const title of this.#passed) console.log(`\n  ${title}:\n${this.#failures.get(title)}`);
    console.log();
  }
}

const LINES = 6;

function firstLines({ stack, message }: Error): string {
  const lines = (stack ?? message).split('\n').slice(0, LINES);
  return lines.map(line => `    ${line}`).join('\n');
}
