import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { readExplanations } from './explained.ts';
import { groupedBy } from './grouped.ts';
import { drawnOf, percentOf, type ReportedModule, type Score, scoreOf, survivorsOf } from './outcome.ts';
import { modulesOf, tellingTests } from './own-tests.ts';
import { readScores, writeScores } from './scores.ts';
import { mutate } from './stryker.ts';

interface Options {
  readonly concurrency: number;
  readonly sample: number;
  readonly seed: number;
}

/** Changes the code in small ways, and tells which changes no test notices. See README.md. */
const command = new Command('mutation')
  .argument('[files...]', 'modules or folders of them; all four folders if there are none')
  .option('--sample <percent>', 'how many of a hundred mutants are tried', percentage, 100)
  .option('--seed <number>', 'which of them', wholeNumber, 1)
  .option('--concurrency <count>', 'mutants that are tried at a time', wholeNumber, 1)
  .parse();
const { concurrency, sample: share, seed } = command.opts<Options>();

const modules = modulesOf(command.args);
if (modules.length === 0) command.error(`no such module: ${command.args.join(' ')}`);

let unexplained = 0;
const scores: [string, Score][] = [];
for (const [tests, together] of groupedBy(modules, tellingTests)) {
  const reported = mutate(together, tests, { concurrency, share, seed });
  for (const [file, module] of Object.entries(reported)) take(file, drawnOf(file, module, { share, seed }));
}
show();
process.exitCode = unexplained === 0 ? 0 : 1;

/** Writes each module's score at once: a long run that is broken off has not been for nothing. */
function take(file: string, module: ReportedModule): void {
  const score = scoreOf(module, { share, seed });
  scores.push([file, score]);
  const drawn = share === 100 ? {} : { seed };
  const date = new Date().toISOString().slice(0, 10);
  writeScores({ ...readScores(), [file]: { ...score, ...drawn, date } });
  const explained = (readExplanations()[file] ?? []).flatMap(({ mutants }) => mutants);
  const alive = survivorsOf(module);
  for (const { line, change } of alive) {
    if (explained.includes(change)) continue;
    unexplained++;
    console.log(`${file}:${line} survives: ${change}`);
  }
  const dead = explained.filter(change => !alive.some(survivor => survivor.change === change));
  if (share < 100) return;
  for (const change of dead) console.log(`${file} no longer survives, though explained: ${change}`);
}

function show(): void {
  const table = new Table({ head: ['module', '%', 'killed', 'timeout', 'survived', 'unreached', 'ignored'] });
  for (const [file, score] of scores) table.push(cells(file, [score]));
  table.push(
    cells(
      'all',
      scores.map(([, score]) => score),
    ),
  );
  console.log(table.toString());
  console.log(`${unexplained} survivors without an explanation in survivors.yaml`);
}

function cells(name: string, of: readonly Score[]): (string | number)[] {
  const sum = (key: keyof Score): number => of.reduce((total, score) => total + score[key], 0);
  return [
    name,
    percentOf(of).toFixed(1),
    sum('killed'),
    sum('timeout'),
    sum('survived'),
    sum('unreached'),
    sum('ignored'),
  ];
}

function percentage(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100))
    throw new InvalidArgumentError('a number above 0 and up to 100 is expected');
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number is expected');
  return value;
}
