import { chown } from 'node:fs/promises';

/** What has no rights anywhere. Some servers refuse to be root. */
const NOBODY = 65534;

/** The command line that runs a command without privileges; where we are not root, as we are. */
export function asNobody(command: string, ...args: readonly string[]): readonly [string, ...string[]] {
  if (process.getuid?.() !== 0) return [command, ...args];
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', command, ...args];
}

/** Makes files and folders those of `asNobody`. */
export async function giveToNobody(...paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await Promise.all(paths.map(path => chown(path, NOBODY, NOBODY)));
}
