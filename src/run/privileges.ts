import { isDeepStrictEqual } from 'node:util';
import { SallyportError } from '../errors.ts';
import { dropPrivileges, type Identity } from './drop-privileges.ts';

/** Whom the process goes on as, from when all listen; that cannot be changed any more then. */
export class Privileges {
  #identity: Identity = {};

  /** Goes on as another user and group. Throws ERR_PRIVILEGES, and nothing may go on then. */
  drop(identity: Identity): void {
    dropPrivileges(identity);
    this.#identity = identity;
  }

  /** Throws ERR_PRIVILEGES where somebody else is wanted than whom the process goes on as. */
  check(identity: Identity): void {
    if (isDeepStrictEqual(identity, this.#identity)) return;
    throw new SallyportError('ERR_PRIVILEGES', 'another user or group needs a new start');
  }

  /** The same fault, with the reason why it is one now and was none at the start. */
  explained(error: unknown): unknown {
    const { user, group } = this.#identity;
    if ((user ?? group) === undefined || !isForbidden(error)) return error;
    const detail = error.message.slice(error.summary.length + 2);
    const reason = 'the privileges for it were given up; it needs a new start, or a socket that is passed';
    return new SallyportError(error.code, `${detail}: ${reason}`, { cause: error });
  }
}

function isForbidden(error: unknown): error is SallyportError {
  if (!(error instanceof SallyportError) || error.code !== 'ERR_LISTEN') return false;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
}
