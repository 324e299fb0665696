import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/root.ts';
import type { Draw, ReportedModule } from './outcome.ts';
import type { Tests } from './own-tests.ts';

/** Ignored by git, by the formatter and by Stryker itself. */
const OUTPUT = 'coverage/mutation';
const HOME = join(ROOT, 'test/mutation');
const INSTALLED = join(ROOT, OUTPUT, 'stryker');
const STRYKER = join(INSTALLED, 'node_modules/@stryker-mutator/core/bin/stryker.js');

/** Tries every mutant of the modules with the tests, in a copy of the repository. Throws if Stryker cannot. */
export function mutate(
  modules: readonly string[],
  tests: Tests,
  { concurrency, share, seed }: Draw & { readonly concurrency: number },
): Readonly<Record<string, ReportedModule>> {
  install();
  mkdirSync(join(ROOT, OUTPUT), { recursive: true });
  const configuration = join(ROOT, OUTPUT, `${process.pid}.json`);
  const report = `${OUTPUT}/${process.pid}-report.json`;
  writeFileSync(configuration, JSON.stringify(options(modules, tests, { concurrency, share, report })));
  try {
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', STRYKER, 'run', configuration], {
      cwd: ROOT,
      env: { ...process.env, MUTATION_SAMPLE: JSON.stringify({ share, seed }) },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) throw new Error(`Stryker ended with ${status}`);
    const { files } = JSON.parse(readFileSync(join(ROOT, report), 'utf8'));
    return files;
  } finally {
    rmSync(configuration, { force: true });
    rmSync(join(ROOT, report), { force: true });
  }
}

/** Not a dependency of the repository: it needs a mocha that is older than ours, and hardly anybody needs either. */
function install(): void {
  if (existsSync(STRYKER)) return;
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(HOME, name), join(INSTALLED, name));
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: INSTALLED,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('Stryker cannot be installed');
}

function options(
  modules: readonly string[],
  { spec, grep }: Tests,
  {
    concurrency,
    share,
    report,
  }: { readonly concurrency: number; readonly share: number; readonly report: string },
): object {
  return {
    plugins: [
      join(INSTALLED, 'node_modules/@stryker-mutator/mocha-runner/dist/src/index.js'),
      join(HOME, 'no-mutants.mjs'),
      join(HOME, 'sample.mjs'),
    ],
    checkers: share === 100 ? [] : ['sample'],
    ignorers: ['no-mutants'],
    mutate: modules,
    testRunner: 'mocha',
    testRunnerNodeArgs: ['--import', 'tsx', '--no-warnings'],
    mochaOptions: { 'no-package': true, 'no-config': true, spec, ...(grep === undefined ? {} : { grep }) },
    coverageAnalysis: 'perTest',
    concurrency,
    // Beyond what a test takes by itself: a busy machine is not to be taken for a kill.
    timeoutMS: 15_000,
    timeoutFactor: 5,
    tempDirName: `${OUTPUT}/sandbox`,
    ignorePatterns: [
      'coverage',
      'dist',
      'docs',
      '.ci',
      'test/{bench,interop,soak,fleet,mutation,acme,admin,cli}',
    ],
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: report },
    disableTypeChecks: false,
    allowConsoleColors: false,
  };
}
