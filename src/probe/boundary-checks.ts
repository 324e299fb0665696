import type { Attempt } from './attempt.ts';
import { attempt } from './attempt.ts';
import { type Check, type Checks, found, notTried, passed, type Verdict } from './check.ts';
import type { Probing } from './probing.ts';

/** How many bytes of commands stand for many: more than one read of most servers. */
const FLOOD = 12_000;

/** How much of a command stands for its beginning. */
const BEGINNING = 3;

/** What a server does with plaintext around the upgrade. */
export const boundaryChecks = {
  'injection-line': withInjection(async (probing, words) => judge(probing, await probing.injected(words))),
  'injection-lines': withInjection(async (probing, words) => {
    if (isExecuted(probing, await probing.injected(words)))
      return notTried('a single command is carried out already');
    const behindCommand = words.repeat(Math.ceil(FLOOD / words.length));
    return judge(probing, await attempt(probing, { behindCommand }));
  }),
  'injection-partial': withInjection(async (probing, words) => {
    const tried = await attempt(probing, { behindCommand: words.slice(0, BEGINNING) });
    if (!tried.secured || tried.error === undefined) return passed;
    const again = await attempt(probing, {});
    if (again.error !== undefined) return notTried(`the server no longer answers: ${again.error.message}`);
    return found(tried.evidence, tried.error.message);
  }),
  'injection-after-go-ahead': withInjection(async (probing, words) =>
    judge(probing, await attempt(probing, { behindGoAhead: words })),
  ),
} as const satisfies Checks;

/** Only where the protocol knows a harmless command, and a client may not send its ClientHello unasked. */
function withInjection(check: (probing: Probing, words: string) => Promise<Verdict>): Check {
  return probing => {
    const { name, audit } = probing.subject.target.protocol;
    if (audit?.harmless === undefined) {
      return notTried(`${name} has no harmless command to put behind the upgrade command`);
    }
    return check(probing, audit.harmless.say);
  };
}

function judge(probing: Probing, tried: Attempt): Verdict {
  return isExecuted(probing, tried) ? found(tried.evidence) : passed;
}

/** Whether what was injected has been answered under TLS. */
function isExecuted({ subject, speaksUnderTls }: Probing, { unasked, said }: Attempt): boolean {
  if (unasked !== '' && !speaksUnderTls) return true;
  return subject.target.protocol.audit?.harmless?.reply.test(said) === true;
}
