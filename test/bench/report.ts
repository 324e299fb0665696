import { cpus } from 'node:os';
import Table from 'cli-table3';
import type { Round } from './rounds.ts';
import { SERVERS, type ServerName } from './server-process.ts';
import { type Quartiles, quartiles } from './statistics.ts';
import { RIVALS, type Rival, type Target, targets } from './targets.ts';

/** The rounds of one figure. */
export interface Series {
  readonly name: string;
  readonly title: string;
  /** Of the absolute values. */
  readonly unit: 'µs' | 'KiB';
  readonly rounds: readonly Round[];
}

/** Sallyport's figure beside a rival's: computed within each round, then ordered. */
interface Comparison {
  readonly ratio: Quartiles;
  /** Sallyport's less the rival's, in the unit of the figure. */
  readonly more: Quartiles;
  readonly target: Target;
  /** `undefined` without a target. */
  readonly met: boolean | undefined;
}

/** Shown as a table, to be read by people. */
export function tableOf(all: readonly Series[]): string {
  const head = ['', ...SERVERS, ...RIVALS.flatMap(rival => [`to ${rival}`, 'target'])];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const series of all) {
    const absolute = SERVERS.map(name => `${absoluteOf(series, name).median.toFixed(1)} ${series.unit}`);
    const beside = RIVALS.flatMap(rival => cells(comparisonOf(series, rival)));
    table.push([series.title, ...absolute, ...beside]);
  }
  return `${table.toString()}\nMedians; [quartiles] of the ratios within each round, over ${roundsOf(all)} rounds. Node ${process.version}.`;
}

/** The same and all that it comes from, to be read by programs. */
export function jsonOf(all: readonly Series[]): object {
  return {
    date: new Date().toISOString(),
    node: process.version,
    processor: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    figures: all.map(series => ({
      name: series.name,
      title: series.title,
      unit: series.unit,
      absolute: Object.fromEntries(SERVERS.map(name => [name, absoluteOf(series, name)])),
      beside: Object.fromEntries(RIVALS.map(rival => [rival, comparisonOf(series, rival)])),
      rounds: series.rounds,
    })),
  };
}

function absoluteOf({ rounds }: Series, name: ServerName): Quartiles {
  return quartiles(rounds.map(round => round[name]));
}

function comparisonOf({ name, rounds }: Series, rival: Rival): Comparison {
  const ratio = quartiles(rounds.map(round => round.sallyport / round[rival]));
  const more = quartiles(rounds.map(round => round.sallyport - round[rival]));
  const target = targets[name]?.[rival] ?? {};
  return { ratio, more, target, met: isMet(target, ratio.median, more.median) };
}

function isMet(target: Target, ratio: number, more: number): boolean | undefined {
  if (target.ratio !== undefined) return ratio <= target.ratio;
  return target.more === undefined ? undefined : more <= target.more;
}

function cells({ ratio, more, target, met }: Comparison): [string, string] {
  const aim = target.ratio === undefined ? undefined : target.ratio.toFixed(2);
  const limit = target.more === undefined ? aim : `+${target.more.toFixed(1)}`;
  const mark = met === undefined ? '' : met ? 'met' : 'MISSED';
  const shown = target.more === undefined ? spread(ratio, 2) : `+${spread(more, 1)}`;
  return [shown, limit === undefined ? '' : `${limit} ${mark}`];
}

function spread({ lower, median, upper }: Quartiles, digits: number): string {
  return `${median.toFixed(digits)} [${lower.toFixed(digits)} ${upper.toFixed(digits)}]`;
}

function roundsOf(all: readonly Series[]): string {
  return [...new Set(all.map(series => series.rounds.length))].join(' or ');
}
