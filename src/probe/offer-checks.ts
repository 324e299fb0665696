import type { ErrorCode } from '../errors.ts';
import { type Check, type Checks, found, notTried, passed } from './check.ts';
import type { Probing } from './probing.ts';

/** Whether TLS can be had at all, and what the server says instead. */
export const offerChecks = {
  'tls-not-offered': probing => {
    if (isLoggedIn(probing)) return notTried('the greeting leaves no room for an offer');
    return endedBy('ERR_TLS_NOT_OFFERED')(probing);
  },
  'tls-refused': endedBy('ERR_TLS_REFUSED'),
  'already-logged-in': probing => {
    const { name, audit } = probing.subject.target.protocol;
    if (audit?.loggedIn === undefined) return notTried(`a greeting of ${name} cannot say so`);
    return isLoggedIn(probing) ? found(probing.first.moments) : passed;
  },
} as const satisfies Checks;

function isLoggedIn({ subject, first }: Probing): boolean {
  const greeting = first.words.find(({ by }) => by === 'server')?.text ?? '';
  return subject.target.protocol.audit?.loggedIn?.test(greeting) === true;
}

/** Finds something where the first connection ended with that error. */
function endedBy(code: ErrorCode): Check {
  return ({ first }) => (first.error?.code === code ? found(first.moments, first.error.message) : passed);
}
