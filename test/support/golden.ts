import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from './root.ts';

/** Compares a text with a file under `test/`; with `SALLYPORT_GOLDEN=1` writes the file, to be looked at. */
export function expectGolden(file: string, text: string): void {
  const path = join(ROOT, 'test', file);
  if (process.env['SALLYPORT_GOLDEN'] === '1') writeFileSync(path, text);
  expect(existsSync(path), file).to.equal(true);
  expect(text).to.equal(readFileSync(path, 'utf8'));
}
