import { SallyportError } from '../errors.ts';
import type { Step } from './peer.ts';

/**
 * Plays a step that reads what the upstream says: where that is not of the protocol, it is the upstream's fault and
 * not the client's. Throws ERR_UPSTREAM_REPLY in place of ERR_UNEXPECTED_REPLY and ERR_BAD_SYNTAX.
 */
export function* fromUpstream<T>(step: Step<T>): Step<T> {
  try {
    return yield* step;
  } catch (error) {
    if (!(error instanceof SallyportError) || !/^ERR_(UNEXPECTED_REPLY|BAD_SYNTAX)$/.test(error.code))
      throw error;
    throw new SallyportError('ERR_UPSTREAM_REPLY', error.message, { cause: error });
  }
}
