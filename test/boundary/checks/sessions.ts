import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { answeredUnderTls, exchange, underTls } from '../approach.ts';
import { atOnce, upTo } from '../at-once.ts';
import type { Exchange } from '../dialect.ts';
import type { Target } from '../target.ts';
import { attackUntilEnough, type Check, type Finding, type Verdict, verdictOf } from './check.ts';

/** How soon a session must be closed, in milliseconds. */
const SOON = 100;
const SESSIONS = 100;
const RENEGOTIATIONS = 8;

/** Sessions that stay open take time; after so many there is no doubt. */
const ENOUGH = 3;

/** Few: what is measured is a delay. */
const AT_ONCE = 2;

const INAPPLICABLE = { status: 'not applicable', cases: 0 } as const;

export const plaintextInSession: Check = {
  id: 'plaintext in a session',
  title: `plaintext in an established session closes it within ${SOON} ms, unanswered`,
  fault: 'C6',
  async run(target) {
    const limits = { atOnce: AT_ONCE, enough: ENOUGH };
    const sessions = await attackUntilEnough(limits, upTo(SESSIONS), async () => ({
      finding: await injectIntoSession(target),
    }));
    return verdictOf(sessions.map(({ finding }) => finding));
  },
};

export const renegotiation: Check = {
  id: 'renegotiation',
  title: 'no TLS 1.2 renegotiation is accepted',
  fault: 'C2',
  async run(target) {
    return verdictOf(await atOnce(AT_ONCE, upTo(RENEGOTIATIONS), () => renegotiate(target)));
  },
};

export const stateForgotten: Check = {
  id: 'state',
  title: 'nothing that was said before TLS is known under TLS',
  fault: 'A9',
  run: target => underTlsAfter(target, target.dialect.memorable, target.dialect.secure),
};

export const nestedUpgrade: Check = {
  id: 'nested upgrade',
  title: 'under TLS the upgrade is neither offered nor done',
  fault: 'A11',
  run: target => underTlsAfter(target, { say: '', hear: '' }, target.dialect.nested),
};

async function injectIntoSession(target: Target): Promise<Finding | undefined> {
  const { client, raw } = await answeredUnderTls(target);
  try {
    raw.write(target.dialect.injected);
    const begun = performance.now();
    if (!(await endsWithin(client, SOON))) {
      await client.hears(() => false, 10 * SOON);
      if (!client.ended && !client.closed) return { status: 'hang', text: 'the session stays open' };
      const took = Math.round(performance.now() - begun);
      return { status: 'hang', text: `closed only after ${took} ms` };
    }
    return client.rest === '' ? undefined : { status: 'vulnerable', text: `answered ${client.rest}` };
  } finally {
    client.destroy();
  }
}

/** The events that are due are handled first: our own busy process is not the server's fault. */
async function endsWithin(client: { ended: boolean; closed: boolean; hears: Hears }, time: number) {
  await client.hears(() => false, time);
  await new Promise(resolve => setImmediate(resolve));
  return client.ended || client.closed;
}

type Hears = (seen: () => boolean, patience: number) => Promise<boolean>;

async function renegotiate(target: Target): Promise<Finding | undefined> {
  const { client } = await answeredUnderTls(target, { maxVersion: 'TLSv1.2' });
  const secure = client.socket;
  if (!(secure instanceof TLSSocket)) throw new Error('not under TLS');
  const accepted = new Promise<boolean>(resolve => {
    secure.renegotiate({ rejectUnauthorized: false }, error => resolve(error === null));
  });
  const refused = once(secure, 'close').then(
    () => false,
    () => false,
  );
  const outcome = await Promise.race([accepted, refused, pause(1000, false, { ref: false })]);
  client.destroy();
  return outcome ? { status: 'vulnerable', text: 'renegotiated' } : undefined;
}

/** Says something in plaintext, upgrades, and holds what is heard under TLS to what must be heard. */
async function underTlsAfter(
  target: Target,
  before: Exchange | undefined,
  after: Exchange | undefined,
): Promise<Verdict> {
  if (before === undefined || after === undefined) {
    return { ...INAPPLICABLE, evidence: `${target.dialect.name} has no words that would show it` };
  }
  const { client } = await underTls(target, {}, before);
  try {
    await exchange(client, { say: after.say, hear: '' });
    await client.hears(() => client.rest === after.hear || !after.hear.startsWith(client.rest));
    const { rest } = client;
    if (rest === after.hear) return verdictOf([undefined]);
    return verdictOf([{ status: 'vulnerable', text: `heard ${JSON.stringify(rest)} under TLS` }]);
  } finally {
    client.destroy();
  }
}
