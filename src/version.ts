import { readFileSync } from 'node:fs';

/** The version of the package. */
export function version(): string {
  // One folder up in the sources, two in the build.
  for (const up of ['../', '../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      return String(JSON.parse(text).version);
    } catch {}
  }
  return 'unknown';
}
