import { isDrawn } from './drawn.mjs';

/** What Stryker reports of one module, as far as it is read (mutation-testing-report-schema 2). */
export interface ReportedModule {
  readonly source: string;
  readonly mutants: readonly ReportedMutant[];
}

export interface ReportedMutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly statusReason?: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** Which mutants are tried: `share` of a hundred. */
export interface Draw {
  readonly share: number;
  readonly seed: number;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** What became of a module's mutants. */
export interface Score {
  /** A test failed, or the mutant ran in circles. */
  readonly killed: number;
  /** Nothing but the clock ended it: on a busy machine this may be luck. */
  readonly timeout: number;
  readonly survived: number;
  /** Of those that survived: no test reaches them. */
  readonly unreached: number;
  /** Left alone by `no-mutants.mjs`. */
  readonly ignored: number;
  /** How many of a hundred mutants were tried. */
  readonly share: number;
}

/** A mutant that lives, found again wherever its line has moved to. */
export interface Survivor {
  readonly line: number;
  /** What stands there, and what stood there instead. */
  readonly change: string;
}

/** Stryker reports also those without a test that were not drawn: without them the sample stays a fair one. */
export function drawnOf(file: string, { source, mutants }: ReportedModule, draw: Draw): ReportedModule {
  return {
    source,
    mutants: mutants.filter(
      mutant => mutant.status !== 'NoCoverage' || isDrawn({ replacement: '', ...mutant }, file, draw),
    ),
  };
}

export function scoreOf({ mutants }: ReportedModule, { share }: Draw): Score {
  const count = (holds: (mutant: ReportedMutant) => boolean): number => mutants.filter(holds).length;
  const timeout = count(byTheClock);
  return {
    killed: count(({ status }) => status === 'Killed' || status === 'Timeout') - timeout,
    timeout,
    survived: count(lives),
    unreached: count(({ status }) => status === 'NoCoverage'),
    ignored: count(({ status }) => status === 'Ignored'),
    share,
  };
}

/** The part of the mutants that did not live, in percent; 100 where there are none. A sample stands for its module. */
export function percentOf(scores: readonly Score[]): number {
  const sum = (of: (score: Score) => number): number =>
    scores.reduce((total, each) => total + (of(each) * 100) / each.share, 0);
  const all = sum(({ killed, timeout, survived }) => killed + timeout + survived);
  return all === 0 ? 100 : (100 * sum(({ killed, timeout }) => killed + timeout)) / all;
}

export function survivorsOf({ source, mutants }: ReportedModule): readonly Survivor[] {
  return mutants
    .filter(lives)
    .map(({ location, replacement = '' }) => ({
      line: location.start.line,
      change: `${oneLine(textAt(source, location))} → ${oneLine(replacement)}`,
    }))
    .sort((one, other) => one.line - other.line);
}

function lives({ status }: ReportedMutant): boolean {
  return status === 'Survived' || status === 'NoCoverage';
}

/** Stryker ends a loop that turns too often by itself, whatever the clock says. */
function byTheClock({ status, statusReason = '' }: ReportedMutant): boolean {
  return status === 'Timeout' && !statusReason.startsWith('Hit limit');
}

function textAt(source: string, { start, end }: ReportedMutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const last = lines.length - 1;
  return lines
    .map((line, at) => line.slice(at === 0 ? start.column - 1 : 0, at === last ? end.column - 1 : undefined))
    .join('\n');
}

/** White space that a formatter may change does not count. */
function oneLine(code: string): string {
  return code.replace(/\s+/g, ' ');
}
