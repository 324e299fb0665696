import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../support/root.ts';

/** Why mutants of a module live: one line for those that live for the same reason. */
export interface Explanation {
  readonly why: string;
  readonly mutants: readonly string[];
}

const FILE = 'test/mutation/survivors.yaml';

const schema = z.record(
  z.string(),
  z.array(z.strictObject({ why: z.string().min(1), mutants: z.array(z.string()).min(1) })),
);

/** What `survivors.yaml` says, by module. */
export function readExplanations(): Readonly<Record<string, readonly Explanation[]>> {
  const path = join(ROOT, FILE);
  return existsSync(path) ? schema.parse(parse(readFileSync(path, 'utf8')) ?? {}) : {};
}
