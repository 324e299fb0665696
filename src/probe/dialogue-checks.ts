import { printable } from '../wire/printable.ts';
import { type Checks, found, foundIf, notTried, passed } from './check.ts';
import { Visit } from './visit.ts';

const NO_LIST = 'the server gave no list of capabilities';

/** What is said before TLS and under it. */
export const dialogueChecks = {
  'login-offered': ({ subject, first, before }) => {
    const { name, audit } = subject.target.protocol;
    if (audit?.invites === undefined) return notTried(`${name} lists no ways to log in`);
    if (before === undefined) return notTried(NO_LIST);
    const invitation = audit.invites(before);
    return foundIf(invitation === undefined ? undefined : printable(invitation), first.moments);
  },
  'login-accepted': async ({ subject }) => {
    const { name, audit } = subject.target.protocol;
    if (audit?.login === undefined)
      return notTried(`${name} has no login that could be begun without a password`);
    const visit = await Visit.begin(subject);
    try {
      const opened = await visit.exchange(audit.opening?.(subject.scene) ?? []);
      if (opened === undefined) return notTried('the server does not let us come as far as a login');
      return audit.login.reply.test(await visit.ask(audit.login)) ? found(visit.moments) : passed;
    } finally {
      await visit.end();
    }
  },
  'tls-offered-under-tls': ({ subject, first, after }) => {
    const { name, audit } = subject.target.protocol;
    const { offer } = audit ?? {};
    if (offer === undefined) return notTried(`${name} does not list TLS as a capability`);
    if (after === undefined) return notTried(NO_LIST);
    const offered = after.find(each => offer.test(each));
    return foundIf(offered === undefined ? undefined : printable(offered), first.moments);
  },
  'no-reply-under-tls': ({ first }) =>
    foundIf(first.reached === 'secure' ? first.error?.message : undefined, first.moments),
} as const satisfies Checks;
