import { SallyportError } from '../errors.ts';

export interface Identity {
  /** Name or number. */
  readonly user?: string;
  /** Name or number. Default: the same as the user's, as in nginx. */
  readonly group?: string;
}

/**
 * Goes on as another user, when all listen: the group first, as the user may not change it any more. Throws
 * ERR_PRIVILEGES, and nothing may go on then. Does nothing without a user and a group.
 */
export function dropPrivileges({ user, group = user }: Identity): void {
  if (group === undefined) return;
  const { setgid, setuid, setgroups } = process;
  if (setgid === undefined || setuid === undefined || setgroups === undefined) {
    throw new SallyportError('ERR_PRIVILEGES', 'not on this system');
  }
  try {
    // The groups of who started it are given up with the rest.
    setgroups([idOf(group)]);
    setgid(idOf(group));
    if (user !== undefined) setuid(idOf(user));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError('ERR_PRIVILEGES', reason, { cause });
  }
  if (user !== undefined && process.getuid?.() !== 0 && mayReturn(setuid)) {
    throw new SallyportError('ERR_PRIVILEGES', 'they could be taken back');
  }
}

function idOf(name: string): string | number {
  return /^\d+$/.test(name) ? Number(name) : name;
}

/** Whether the process could be root again. */
function mayReturn(setuid: (id: number) => void): boolean {
  try {
    setuid(0);
    return true;
  } catch {
    return false;
  }
}
