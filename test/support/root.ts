import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, seen from the sources as well as from the built tests (which coverage runs). */
export const ROOT = above(dirname(fileURLToPath(import.meta.url)));

/** Whether these tests run as sources, by tsx. */
export const FROM_SOURCE = import.meta.url.endsWith('.ts');

function above(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : above(dirname(folder));
}
