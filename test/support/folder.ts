import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

/** A new temporary folder with the given files; `removeFolders` in an `after` takes all of them away. */
export async function folderWith(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 });
  return folder;
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map(folder => rm(folder, { recursive: true, force: true })));
}
