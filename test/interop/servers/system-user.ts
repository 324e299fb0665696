import { chown } from 'node:fs/promises';

/** Users that each Debian has, by their number, which is that of their group as well. */
export const NEWS = 9;
/** What has no rights anywhere. Some servers refuse to be root. */
const NOBODY = 65534;

/** The command line that runs a command as a user; where we are not root, as we are. */
export function asUser(
  user: number,
  command: string,
  ...args: readonly string[]
): readonly [string, ...string[]] {
  if (process.getuid?.() !== 0) return [command, ...args];
  return ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', command, ...args];
}

/** Makes files and folders those of `asUser`. */
export async function giveToUser(user: number, ...paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await Promise.all(paths.map(path => chown(path, user, user)));
}

/** The command line that runs a command without privileges; where we are not root, as we are. */
export function asNobody(command: string, ...args: readonly string[]): readonly [string, ...string[]] {
  return asUser(NOBODY, command, ...args);
}

/** Makes files and folders those of `asNobody`. */
export async function giveToNobody(...paths: readonly string[]): Promise<void> {
  await giveToUser(NOBODY, ...paths);
}
