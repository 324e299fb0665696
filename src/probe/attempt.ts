import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';
import type { Moment } from './probe-result.ts';
import type { Probing } from './probing.ts';
import { Visit } from './visit.ts';

/** Bytes in plaintext where none belong. */
export interface Injection {
  /** In one segment with the upgrade command. */
  readonly behindCommand?: string;
  /** Behind the go-ahead, in front of the ClientHello. */
  readonly behindGoAhead?: string;
}

/** What came of an injection. */
export interface Attempt {
  /** Whether TLS came up nevertheless. */
  readonly secured: boolean;
  /** What the server said under TLS before we did. */
  readonly unasked: string;
  /** Whether it closed before we said anything under TLS: it refuses, late but rightly, as PostgreSQL does. */
  readonly refused: boolean;
  /** All that it said under TLS. */
  readonly said: string;
  /** What ended it; `undefined` where the dialogue came to its end. */
  readonly error: SallyportError | undefined;
  readonly evidence: readonly Moment[];
}

/** How long one listens for what should not come, in milliseconds: at least this, and four round trips. */
const SILENCE = 200;

/** Upgrades with something injected, and listens under TLS, before the dialogue goes on and after it. */
export async function attempt(probing: Probing, injection: Injection): Promise<Attempt> {
  const { behindCommand = '', behindGoAhead = '' } = injection;
  const { subject, commandWrite, first } = probing;
  const silence = Math.max(SILENCE, 4 * (first.times.connect ?? 0));
  const visit = await Visit.begin(subject, {
    alter: (bytes, index) => (index === commandWrite ? joined(bytes, behindCommand) : bytes),
  });
  let secured = false;
  let unasked = '';
  let refused = false;
  let error: SallyportError | undefined;
  try {
    await visit.untilGoAhead();
    if (behindGoAhead !== '') visit.say(behindGoAhead);
    await visit.secure();
    secured = true;
    const heard = await visit.hear(undefined, silence);
    unasked = heard.text;
    refused = heard.ended;
    if (!refused) {
      visit.unhear(heard.bytes);
      await visit.converse();
      await visit.hear(undefined, silence);
    }
  } catch (reason) {
    if (!(reason instanceof SallyportError)) throw reason;
    error = reason;
    visit.note('client', reason.message);
  } finally {
    await visit.end();
  }
  const words = visit.words.filter(({ secure, by }) => secure && by === 'server');
  const said = words.map(({ text }) => text).join('');
  return { secured, unasked, refused, said, error, evidence: visit.moments };
}

function joined(bytes: Uint8Array, more: string): Uint8Array {
  return Buffer.concat([bytes, Buffer.from(more, 'latin1')]);
}
