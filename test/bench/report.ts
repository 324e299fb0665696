import { cpus } from 'node:os';
import Table from 'cli-table3';
import type { Round } from './rounds.ts';
import { type Quartiles, quartiles } from './statistics.ts';
import type { Target, Targets } from './targets.ts';

/** The rounds of one figure. */
export interface Series {
  readonly name: string;
  readonly title: string;
  /** Of the absolute values. */
  readonly unit: 'µs' | 'KiB' | '/s' | 'MiB/s';
  readonly rounds: readonly Round[];
}

/** Who is compared with whom. */
export interface Field {
  /** All, the one in question first. */
  readonly names: readonly string[];
  /** Those that the first one is set beside. */
  readonly rivals: readonly string[];
  readonly targets: Targets;
}

/** The first one's figure beside a rival's: computed within each round, then ordered. */
interface Comparison {
  readonly ratio: Quartiles;
  /** Its figure less the rival's, in the unit of the figure. */
  readonly more: Quartiles;
  readonly target: Target;
  /** `undefined` without a target. */
  readonly met: boolean | undefined;
}

/** Shown as a table, to be read by people. */
export function tableOf(all: readonly Series[], field: Field): string {
  const { names, rivals } = field;
  const head = ['', ...names, ...rivals.flatMap(rival => [`to ${rival}`, 'target'])];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const series of all) {
    const absolute = names.map(name => absoluteCell(series, name));
    const beside = rivals.flatMap(rival => cells(comparisonOf(series, field, rival)));
    table.push([series.title, ...absolute, ...beside]);
  }
  return `${table.toString()}\nMedians; [quartiles] of the ratios within each round, over ${roundsOf(all)} rounds. Node ${process.version}.`;
}

/** The same and all that it comes from, to be read by programs. */
export function jsonOf(all: readonly Series[], field: Field): object {
  const { names, rivals } = field;
  return {
    date: new Date().toISOString(),
    node: process.version,
    processor: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    figures: all.map(series => ({
      name: series.name,
      title: series.title,
      unit: series.unit,
      absolute: Object.fromEntries(names.map(name => [name, absoluteOf(series, name)])),
      beside: Object.fromEntries(rivals.map(rival => [rival, comparisonOf(series, field, rival)])),
      rounds: series.rounds,
    })),
  };
}

function absoluteCell(series: Series, name: string): string {
  const { median } = absoluteOf(series, name);
  return Number.isNaN(median) ? '' : `${median.toFixed(1)} ${series.unit}`;
}

function absoluteOf({ rounds }: Series, name: string): Quartiles {
  return quartiles(rounds.flatMap(round => round[name] ?? []));
}

function comparisonOf({ name, rounds }: Series, { names, targets }: Field, rival: string): Comparison {
  const pairs = rounds.map(
    round => [round[names[0] ?? ''] ?? Number.NaN, round[rival] ?? Number.NaN] as const,
  );
  const ratio = quartiles(pairs.map(([ours, theirs]) => ours / theirs));
  const more = quartiles(pairs.map(([ours, theirs]) => ours - theirs));
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
  if (Number.isNaN(median)) return '';
  return `${median.toFixed(digits)} [${lower.toFixed(digits)} ${upper.toFixed(digits)}]`;
}

function roundsOf(all: readonly Series[]): string {
  return [...new Set(all.map(series => series.rounds.length))].join(' or ');
}
