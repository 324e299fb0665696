import { readFile } from 'node:fs/promises';
import { unreadable } from '../errors.ts';
import type { Reading } from './reading.ts';
import type { Secret } from './schema/values.ts';
import type { Path } from './source.ts';

/** A secret itself, or the first line of its file; `undefined` where that cannot be read, which is reported then. */
export async function loadSecret(secret: Secret, path: Path, reading: Reading): Promise<string | undefined> {
  if (typeof secret === 'string') return secret;
  const file = reading.file(secret.file);
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0];
  } catch (error) {
    reading.reportFile([...path, 'file'], `${file}: ${unreadable(error)}`);
    return undefined;
  }
}
