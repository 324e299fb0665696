import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import type { WireClient } from '../../support/wire-client.ts';
import { atGoAhead, clientHello, exchange, underTls } from '../approach.ts';
import { atOnce, upTo } from '../at-once.ts';
import type { Target } from '../target.ts';
import { type Check, type Finding, LONG, verdictOf } from './check.ts';

/** The handshake's deadline in the checks of it, and how much later it may be kept, in milliseconds. */
const DEADLINE = 400;
const LATER = 500;

/** Tries with each kind of certificate. */
const TRIES = LONG ? 125 : 5;

const DRIBBLE_EVERY = 20;

export const stalledHandshake: Check = {
  id: 'stalled handshake',
  title: 'a handshake that stalls or dribbles is closed at its deadline',
  fault: 'C1',
  async run(target) {
    const impatient = await target.another({ handshakeTimeout: DEADLINE });
    const hello = await clientHello();
    const stalls = [0, 1, 60, hello.length - 1].map(length => ({
      title: `${length} bytes of the ClientHello, then silence`,
      say: async (client: WireClient) => {
        if (length > 0) client.say(hello.subarray(0, length));
      },
    }));
    const dribble = {
      title: 'the ClientHello one byte at a time',
      say: async (client: WireClient) => {
        for (let at = 0; at < hello.length && !client.ended && !client.closed; at++) {
          client.say(hello.subarray(at, at + 1));
          await pause(DRIBBLE_EVERY);
        }
      },
    };
    return verdictOf(await atOnce(5, [...stalls, dribble], ({ title, say }) => stall(impatient, title, say)));
  },
};

export const clientCertificate: Check = {
  id: 'client certificate',
  title:
    'where a client certificate is required, none, a self-signed, a stranger’s and an expired are refused',
  fault: 'mTLS',
  async run(target) {
    const guarded = await target.another({ clientCertificate: 'require' });
    const { client, selfSignedClient, strangerClient, expiredClient } = guarded.certificates;
    const refused = {
      none: {},
      'self-signed': selfSignedClient,
      stranger: strangerClient,
      expired: expiredClient,
    };
    const good = await entry(guarded, client);
    const tries = Object.entries(refused).flatMap(each => upTo(TRIES).map(() => each));
    const findings = await atOnce(4, tries, async ([what, certificate]): Promise<Finding | undefined> => {
      const entered = await entry(guarded, certificate);
      return entered ? { status: 'vulnerable', text: `let in: ${what}` } : undefined;
    });
    return verdictOf(good ? findings : [{ status: 'vulnerable', text: 'a good certificate is refused' }]);
  },
};

export const reloadKeepsOptions: Check = {
  id: 'reload',
  title: 'a reload of the certificate keeps the lowest TLS version',
  fault: 'C7',
  async run(target) {
    const modern = await target.another({ minVersion: 'TLSv1.3' });
    if (modern.reload === undefined) {
      return { status: 'not applicable', cases: 0, evidence: `${target.title} has no reload yet` };
    }
    const before = await versions(modern);
    await modern.reload();
    const after = await versions(modern);
    return verdictOf([
      before === 'TLSv1.3' ? undefined : { status: 'vulnerable', text: `before the reload: ${before}` },
      after === 'TLSv1.3' ? undefined : { status: 'vulnerable', text: `after the reload: ${after}` },
    ]);
  },
};

async function stall(
  target: Target,
  title: string,
  say: (client: WireClient) => Promise<void>,
): Promise<Finding | undefined> {
  const client = await atGoAhead(target);
  const begun = performance.now();
  const saying = say(client);
  await client.hears(() => false, DEADLINE + LATER);
  const took = performance.now() - begun;
  const over = client.ended || client.closed;
  client.destroy();
  await saying;
  if (!over) return { status: 'hang', text: `${title}: open after ${Math.round(took)} ms` };
  return undefined;
}

/** Whether a client is answered under TLS. */
async function entry(target: Target, options: ConnectionOptions): Promise<boolean> {
  const { say, hear, atEnd } = target.dialect.secure;
  try {
    const { client } = await underTls(target, options);
    await exchange(client, { say, hear: '' });
    client.socket.end();
    await client.hears(() => client.rest.length >= hear.length + atEnd.length);
    client.destroy();
    return client.rest !== '';
  } catch {
    return false;
  }
}

/** The TLS versions that let a client in. */
async function versions(target: Target): Promise<string> {
  const both = ['TLSv1.2', 'TLSv1.3'] as const;
  const entered = await atOnce(1, both, version =>
    entry(target, { minVersion: version, maxVersion: version }),
  );
  return both.filter((_, index) => entered[index]).join(' and ');
}
