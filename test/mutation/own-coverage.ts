import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from '../support/root.ts';
import { groupedBy } from './grouped.ts';
import { FOLDERS, modulesOf, ownTests } from './own-tests.ts';

/**
 * How much of each module its own test alone runs, over the built code: what all tests together reach may be reached
 * from afar, where nothing looks at it. Writes `own-coverage.md`.
 */
interface Covered {
  readonly lines: { readonly pct: number };
  readonly branches: { readonly pct: number };
}

const OUTPUT = 'coverage/own';
const TABLE = 'test/mutation/own-coverage.md';

const covered = new Map<string, Covered>();
for (const [tests, modules] of groupedBy(modulesOf([]), ownTests)) {
  if (tests === undefined) continue;
  const summary = measure(tests.spec, tests.grep);
  for (const module of modules) {
    const figures = summary[join(ROOT, module)];
    if (figures !== undefined) covered.set(module, figures);
    console.log(rowOf(module));
  }
}
writeFileSync(join(ROOT, TABLE), page());

function measure(spec: readonly string[], grep: string | undefined): Readonly<Record<string, Covered>> {
  rmSync(join(ROOT, OUTPUT), { recursive: true, force: true });
  const built = spec.map(file => join('dist', file.replace(/\.ts$/, '.js')));
  const mocha = [
    'mocha',
    '--no-package',
    '--node-option',
    'no-warnings',
    '--timeout',
    '60000',
    '--reporter',
    'dot',
  ];
  const c8 = ['c8', '--check-coverage=false', '--reporter', 'json-summary', '--reports-dir', OUTPUT];
  const { status } = spawnSync(
    'npx',
    [
      ...c8,
      '--temp-directory',
      `${OUTPUT}/raw`,
      ...mocha,
      ...(grep === undefined ? [] : ['--grep', grep]),
      ...built,
    ],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const file = join(ROOT, OUTPUT, 'coverage-summary.json');
  if (status !== 0 || !existsSync(file)) throw new Error(`${built.join(' ')} ended with ${status}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function page(): string {
  const head = ['# What its own test alone runs of a module', '', 'Made by `npm run coverage:own`.'];
  const tables = FOLDERS.flatMap(folder => {
    const modules = modulesOf([folder]);
    const tested = modules.filter(module => covered.has(module));
    const others = modules
      .filter(module => !covered.has(module))
      .map(module => `\`${relative(folder, module)}\``);
    const without = others.length === 0 ? [] : ['', `Without a test of their own: ${others.join(', ')}.`];
    const rows = tested.map(rowOf);
    return [
      '',
      `## ${folder}`,
      '',
      '| Module | Lines % | Branches % |',
      '| --- | --- | --- |',
      ...rows,
      ...without,
    ];
  });
  return `${[...head, ...tables].join('\n')}\n`;
}

function rowOf(module: string): string {
  const figures = covered.get(module);
  return `| \`${module}\` | ${figures?.lines.pct ?? '-'} | ${figures?.branches.pct ?? '-'} |`;
}
