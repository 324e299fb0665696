import { printable } from '../wire/printable.ts';
import { type Check, type Checks, foundIf, notTried } from './check.ts';
import type { Probing, Reply } from './probing.ts';

/** The longest reply that gnutls-cli reads, in bytes. */
const LONGEST = 1023;

/** What fits into a segment, in bytes: a longer reply is cut by the network. */
const SEGMENT = 1400;

/** What clients that are in use cannot take. */
export const clientChecks = {
  'split-go-ahead': judgeReplies(replies => {
    const { pieces = 1 } = replies.at(-1) ?? {};
    return pieces > 1 ? `in ${pieces} segments` : undefined;
  }),
  'split-reply': judgeReplies(replies => {
    const split = replies.slice(0, -1).find(({ pieces, text }) => pieces > 1 && text.length < SEGMENT);
    return split === undefined ? undefined : `${printable(split.text, 60)} in ${split.pieces} segments`;
  }),
  'long-reply': judgeReplies(replies => {
    const length = Math.max(0, ...replies.map(({ text }) => text.length));
    return length > LONGEST ? `${length} bytes` : undefined;
  }),
  'capability-spelling': ({ subject, first, before }) => {
    const { name, audit } = subject.target.protocol;
    const { offer, spelling } = audit ?? {};
    if (offer === undefined || spelling === undefined) return notTried(`clients of ${name} do not mind`);
    const offered = before?.find(each => offer.test(each));
    if (offered === undefined) return notTried('the server gave no list of capabilities');
    return foundIf(offered.startsWith(spelling) ? undefined : printable(offered), first.moments);
  },
} as const satisfies Checks;

/** Not where clients wait for the end of each reply. */
function judgeReplies(faultOf: (replies: readonly Reply[]) => string | undefined): Check {
  return async (probing: Probing) => {
    const { name, audit } = probing.subject.target.protocol;
    if (audit === undefined || audit.splittable === true) return notTried(`clients of ${name} do not mind`);
    return foundIf(faultOf(await probing.replies()), probing.first.moments);
  };
}
