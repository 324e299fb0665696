import { Buffer } from 'node:buffer';
import { setTimeout as pause } from 'node:timers/promises';
import { SallyportError } from '../errors.ts';
import { type Checks, found, passed } from './check.ts';
import type { Moment } from './probe-result.ts';
import type { Subject } from './subject.ts';
import { Visit } from './visit.ts';

/** How long the greeting is waited for, where one comes, in milliseconds. */
const GREETING = 100;

/** How long a server that does not answer is left alone before it is asked again, in milliseconds. */
const RECOVERY = 500;

/** The beginning of a ClientHello: of 512 bytes, so the rest is waited for. */
const BEGUN_HELLO = Buffer.from('1603010200010001fc0303', 'hex');

type Break = (visit: Visit) => Promise<void>;

/** Where a client breaks off. */
const places: readonly Break[] = [
  async visit => void (await visit.hear(undefined, GREETING)),
  visit => visit.untilGoAhead(),
  async visit => {
    await visit.untilGoAhead();
    visit.send(BEGUN_HELLO, 'the beginning of a ClientHello');
  },
];

/** What one client does to the next. */
export const serviceChecks = {
  'reset-harms-others': async ({ subject }) => {
    for (const way of ['reset', 'end'] as const) {
      const moments: Moment[] = [];
      for (const place of places) {
        const seen = await breakOff(subject, place, way);
        if (seen === undefined) break;
        moments.push(...seen);
      }
      const silence = await silenceOf(subject);
      if (silence === undefined) continue;
      return found(moments, `${way === 'reset' ? 'a reset (RST)' : 'a FIN'}, and then ${silence.message}`);
    }
    return passed;
  },
} as const satisfies Checks;

/** What was seen; `undefined` where the server did not even come so far. */
async function breakOff(
  subject: Subject,
  place: Break,
  way: 'reset' | 'end',
): Promise<readonly Moment[] | undefined> {
  try {
    const visit = await Visit.begin(subject);
    try {
      await place(visit);
    } finally {
      await visit[way]();
    }
    return visit.moments;
  } catch (error) {
    if (error instanceof SallyportError && error.blame !== 'caller') return undefined;
    throw error;
  }
}

/** Why the next client gets no answer, twice; `undefined` where it gets one. */
async function silenceOf(subject: Subject): Promise<SallyportError | undefined> {
  let reason: SallyportError | undefined;
  for (const patience of [0, RECOVERY]) {
    await pause(patience);
    reason = await refusalOf(subject);
    if (reason === undefined) return undefined;
  }
  return reason;
}

async function refusalOf(subject: Subject): Promise<SallyportError | undefined> {
  try {
    const visit = await Visit.begin(subject);
    try {
      await visit.untilGoAhead();
    } finally {
      await visit.end();
    }
    return undefined;
  } catch (error) {
    if (error instanceof SallyportError && error.blame !== 'caller') return error;
    throw error;
  }
}
