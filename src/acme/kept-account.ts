import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../net/replace-file.ts';

/** The key by which an authority knows us, made at first use. */
export async function keptAccountKey(folder: string, make: () => Promise<string>): Promise<string> {
  const file = join(folder, 'account.key');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(kept)) return kept;
  const made = await make();
  await replaceFile(file, made, 0o600);
  return made;
}
