import { Buffer } from 'node:buffer';
import type { SallyportError } from '../errors.ts';
import { printable } from '../wire/printable.ts';
import { decodeServerFlight } from '../wire/server-flight.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type Check, type Checks, found, notTried, passed, type Verdict } from './check.ts';
import type { Probing } from './probing.ts';
import { Visit } from './visit.ts';

/** How many bytes of commands stand for many: more than one read of most servers. */
const FLOOD = 12_000;

/** How much of a command stands for its beginning. */
const BEGINNING = 3;

/** What a server does with plaintext around the upgrade. */
export const boundaryChecks = {
  'plaintext-behind-go-ahead': async probing => {
    const { first, subject } = probing;
    if (first.error !== undefined && isPlaintext(first.error))
      return found(first.moments, first.error.message);
    const words = subject.target.protocol.audit?.harmless?.say;
    if (first.reached !== 'answered' || words === undefined) return passed;
    // A server that answers what stands behind the upgrade command before TLS: not under it, but in plaintext.
    const { error, evidence } = await probing.injected(words);
    return error !== undefined && isPlaintext(error) ? found(evidence, error.message) : passed;
  },
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
  'plaintext-after-failed-handshake': async probing => {
    const { subject } = probing;
    const visit = await Visit.begin(subject);
    try {
      await visit.untilGoAhead();
      visit.send(BROKEN_HELLO, 'a handshake record that holds no handshake');
      const { bytes, ended } = await visit.receive(received => received.length > 0);
      const more = ended
        ? undefined
        : await afterwards(visit, bytes, subject.target.protocol.audit?.harmless?.say);
      if (more === undefined) return passed;
      const plaintext = plaintextIn(Buffer.concat([bytes, Buffer.from(more, 'latin1')]));
      if (plaintext === undefined) return passed;
      const said = `it says ${printable(plaintext.toString('latin1'))}`;
      visit.note('server', said);
      return found(visit.moments, said);
    } finally {
      await visit.end();
    }
  },
  'second-upgrade': async ({ subject }) => {
    const { name, audit } = subject.target.protocol;
    if (audit?.again === undefined) return notTried(`${name} has no upgrade command to be said under TLS`);
    const visit = await Visit.begin(subject);
    try {
      await visit.untilGoAhead();
      await visit.secure();
      if (audit.againFirst !== true) await visit.converse();
      if (subject.target.implicit) await visit.exchange(audit.opening?.(subject.scene) ?? []);
      return audit.again.reply.test(await visit.ask(audit.again)) ? found(visit.moments) : passed;
    } finally {
      await visit.end();
    }
  },
  'state-kept': async probing => {
    const { subject, command } = probing;
    const { name, audit } = subject.target.protocol;
    const { memory, again, opening } = audit ?? {};
    if (memory === undefined || again === undefined) {
      return notTried(`${name} shows nothing of what it remembers before a login`);
    }
    const visit = await Visit.begin(subject);
    try {
      const told = await visit.exchange([...(opening?.(subject.scene) ?? []), memory.tell]);
      if (told === undefined) return notTried('the server takes nothing in plaintext that it could remember');
      const upgrade = await visit.exchange([{ say: command, reply: again.reply }]);
      if (upgrade === undefined)
        return notTried('with something to remember, the server refuses the upgrade');
      await visit.secure();
      return memory.ask.reply.test(await visit.ask(memory.ask)) ? found(visit.moments) : passed;
    } finally {
      await visit.end();
    }
  },
} as const satisfies Checks;

/** A record of a handshake, and no message in it (RFC 8446 section 4). */
const BROKEN_HELLO = Buffer.from('160301000568656c6c6f', 'hex');

/** How long one waits for what should not come, in milliseconds. */
const AFTERWARDS = 300;

/** How long a server may take to close behind its last words, in milliseconds. */
const LAST_WORDS = 2000;

/**
 * What the server says to a command where TLS has failed; `undefined` if it closes. A last word in plaintext, such as
 * that of MariaDB, is then no fault: whoever broke the handshake could have said it as well, and nothing follows.
 */
async function afterwards(visit: Visit, said: Buffer, words = '\r\n'): Promise<string | undefined> {
  const patience = plaintextIn(said) === undefined ? AFTERWARDS : LAST_WORDS;
  const { ended } = await visit.receive(() => false, patience);
  if (ended) return undefined;
  visit.say(words);
  return (await visit.hear(undefined, AFTERWARDS)).text;
}

function plaintextIn(bytes: Buffer): Buffer | undefined {
  return decodeServerFlight(bytes).plaintext;
}

/** Whether a server has said words where TLS was due. */
function isPlaintext({ code }: SallyportError): boolean {
  return code === 'ERR_PLAINTEXT_AFTER_UPGRADE' || code === 'ERR_HANDSHAKE_NOT_TLS';
}

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
function isExecuted({ subject, speaksUnderTls }: Probing, { unasked, refused, said }: Attempt): boolean {
  if (refused) return false;
  if (unasked !== '' && !speaksUnderTls) return true;
  return subject.target.protocol.audit?.harmless?.reply.test(said) === true;
}
