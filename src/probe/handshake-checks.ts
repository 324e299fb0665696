import { renegotiate } from '../net/renegotiate.ts';
import { type SuiteStrength, suiteName, suitesOf } from '../wire/cipher-suites.ts';
import { GROUPS } from '../wire/client-offer.ts';
import { type Check, type Checks, found, foundIf, notTried, passed } from './check.ts';
import { modernOffer, offerHello, type Sending } from './offer-hello.ts';
import { type Probing, versionNames } from './probing.ts';
import { Visit } from './visit.ts';

const NO_HANDSHAKE = 'no ClientHello is answered';

/** What the handshake accepts and refuses. */
export const handshakeChecks = {
  'handshake-failed': ({ first }) => {
    if (first.error?.code === 'ERR_HANDSHAKE_NOT_TLS') return notTried('plaintext comes in place of TLS');
    return foundIf(first.reached === 'go-ahead' ? first.error?.message : undefined, first.moments);
  },
  'old-tls': async probing => {
    const accepted = await filter(versionNames.slice(0, 3), name => probing.accepts(name));
    const [oldest] = accepted;
    return oldest === undefined
      ? passed
      : found((await probing.version(oldest)).evidence, accepted.join(', '));
  },
  'no-tls13': async probing => {
    if (!(await isAnswered(probing))) return notTried(NO_HANDSHAKE);
    const { evidence } = await probing.version('TLSv1.3');
    return (await probing.accepts('TLSv1.3')) ? passed : found(evidence);
  },
  'broken-cipher': acceptsSuites('broken'),
  'short-block-cipher': acceptsSuites('short-blocks'),
  'no-forward-secrecy': acceptsSuites('no-forward-secrecy'),
  renegotiation: async ({ subject }) => {
    const visit = await Visit.begin(subject);
    try {
      await visit.untilGoAhead();
      const secure = await visit.secure({ maxVersion: 'TLSv1.2' });
      visit.note('client', 'a second ClientHello, inside of the session');
      const again = await renegotiate(secure, subject.options.timeout);
      visit.note('server', again ? 'a second handshake' : 'no second handshake');
      return again ? found(visit.moments) : passed;
    } finally {
      await visit.end();
    }
  },
  'fragmented-hello': async probing => {
    if (!(await isAnswered(probing))) return notTried(NO_HANDSHAKE);
    for (const [what, sending] of CUTS) {
      const { flight, evidence } = await offerHello(probing.subject, `TLS 1.2 ${what}`, {}, sending);
      if (flight.hello === undefined) return found(evidence, what);
    }
    return passed;
  },
  'large-hello': async probing => {
    const { flight, evidence } = await probing.modern();
    if (flight.hello !== undefined) return passed;
    const groups = GROUPS.filter(({ postQuantum }) => !postQuantum).map(({ id }) => id);
    const shares = modernOffer().shares?.slice(1) ?? [];
    const offer = { ...modernOffer(), groups, shares };
    const small = await offerHello(probing.subject, 'TLS 1.3 and 1.2, with an x25519 key share', offer);
    return small.flight.hello === undefined ? notTried(NO_HANDSHAKE) : found(evidence);
  },
  'alpn-ignored': async ({ subject }) => {
    const { name, alpn } = subject.target.protocol;
    if (alpn === undefined) return notTried(`${name} has no ALPN id`);
    // What a browser offers, or where that is right, the half of it that is not.
    const other = alpn.includes('http/1.1') ? 'h2' : 'http/1.1';
    const visit = await Visit.begin(subject);
    try {
      await visit.untilGoAhead();
      visit.note('client', `ClientHello with the ALPN id ${other} alone`);
      const { alpnProtocol } = await visit.secure({ alpn: [other] });
      const chosen = typeof alpnProtocol === 'string' ? alpnProtocol : 'none';
      return found(visit.moments, `the handshake succeeds, with the ALPN id ${chosen}`);
    } catch (error) {
      if (visit.isHandshakeError(error)) return passed;
      throw error;
    } finally {
      await visit.end();
    }
  },
  'stalled-handshake': async ({ subject }) => {
    const { stallLimit } = subject.options;
    const visit = await Visit.begin(subject);
    try {
      await visit.untilGoAhead();
      const { ended } = await visit.receive(() => false, stallLimit);
      return foundIf(ended ? undefined : `still open after ${stallLimit / 1000} s`, visit.moments);
    } finally {
      await visit.end();
    }
  },
} as const satisfies Checks;

const CUTS: readonly (readonly [what: string, sending: Sending])[] = [
  ['in records of 64 bytes', { recordSize: 64 }],
  ['in three segments', { segments: 3 }],
];

/** Whether a ClientHello in one piece is answered at all. */
async function isAnswered(probing: Probing): Promise<boolean> {
  const answers = [await probing.version('TLSv1.2'), await probing.version('TLSv1.3')];
  return answers.some(({ flight }) => flight.hello !== undefined);
}

function acceptsSuites(strength: SuiteStrength): Check {
  return async ({ subject }) => {
    const offer = { suites: suitesOf(strength) };
    const { flight, evidence } = await offerHello(subject, `TLS 1.2, suites: ${strength}`, offer);
    return foundIf(flight.hello === undefined ? undefined : suiteName(flight.hello.suite), evidence);
  };
}

async function filter<T>(all: readonly T[], is: (each: T) => Promise<boolean>): Promise<readonly T[]> {
  const kept: T[] = [];
  for (const each of all) if (await is(each)) kept.push(each);
  return kept;
}
