import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../support/root.ts';
import { percentOf } from './outcome.ts';

const FILE = join(ROOT, 'test/mutation/scores.json');

const row = z.strictObject({
  killed: z.number(),
  timeout: z.number(),
  survived: z.number(),
  unreached: z.number(),
  ignored: z.number(),
  /** How many of a hundred mutants were tried, and which, where not all were. */
  share: z.number().max(100),
  seed: z.number().optional(),
  /** When it was measured. */
  date: z.string(),
});

type Row = z.infer<typeof row>;

/** The last score of every module that was ever measured. */
export function readScores(): Readonly<Record<string, Row>> {
  return existsSync(FILE) ? z.record(z.string(), row).parse(JSON.parse(readFileSync(FILE, 'utf8'))) : {};
}

/** One module a line, so that a change shows what it changed. */
export function writeScores(scores: Readonly<Record<string, Row>>): void {
  const lines = Object.entries(scores)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([file, score]) => `  ${JSON.stringify(file)}: ${JSON.stringify(score)}`);
  writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`);
}

/** What a folder's modules that were measured come to, in percent. */
export function folderPercent(folder: string): number {
  return percentOf(
    Object.entries(readScores())
      .filter(([file]) => dirname(file) === folder)
      .map(([, score]) => score),
  );
}
