import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { SallyportError } from '../errors.ts';
import { peerChain } from '../net/peer-chain.ts';
import { tlsFacts } from '../net/tls-facts.ts';
import type { Reached } from './check-table.ts';
import type { Moment, PhaseTimes } from './probe-result.ts';
import type { Subject } from './subject.ts';
import { Visit, type Word } from './visit.ts';

/** What the first connection, on which nothing is tried, has shown. */
export interface FirstVisit {
  readonly reached: Reached;
  /** Why it came no further; `undefined` where it came to its end. */
  readonly error: SallyportError | undefined;
  readonly moments: readonly Moment[];
  readonly words: readonly Word[];
  readonly times: PhaseTimes;
  /** What is known of TLS; `undefined` where it did not come so far. */
  readonly tls: FirstTls | undefined;
}

export interface FirstTls {
  readonly facts: TlsFacts;
  /** The certificates, the server's first; behind it they are in Node's order, with a root from the trusted ones. */
  readonly chain: readonly X509Certificate[];
  /** What Node holds against it, in OpenSSL's words; `undefined` for nothing. */
  readonly fault: string | undefined;
  readonly ocspStapled: boolean;
}

/** Makes the first connection. Rejects where there is none: ERR_CONNECT, ERR_CONNECT_TIMEOUT. */
export async function firstVisit(subject: Subject): Promise<FirstVisit> {
  const clock = stopwatch();
  const visit = await Visit.begin(subject);
  const times: { -readonly [phase in keyof PhaseTimes]: PhaseTimes[phase] } = {
    connect: clock(),
    dialogue: undefined,
    handshake: undefined,
    underTls: undefined,
  };
  let reached: Reached = 'connected';
  let tls: FirstTls | undefined;
  let error: SallyportError | undefined;
  try {
    await visit.untilGoAhead();
    times.dialogue = clock();
    reached = 'go-ahead';
    tls = await secured(visit);
    times.handshake = clock();
    reached = 'secure';
    await visit.converse();
    await askForCapabilities(visit, subject);
    times.underTls = clock();
    reached = 'answered';
  } catch (reason) {
    const server = reason instanceof SallyportError && !/^(config|caller)$/.test(reason.blame);
    if (!server) throw reason;
    error = reason;
    visit.note('client', reason.message);
  } finally {
    await visit.end();
  }
  return { reached, error, moments: visit.moments, words: visit.words, times, tls };
}

/** What the dialogue does not ask for; a server that does not answer is asked no more. */
async function askForCapabilities(visit: Visit, { target, scene }: Subject): Promise<void> {
  const { audit } = target.protocol;
  if (target.implicit) await visit.exchange(audit?.opening?.(scene) ?? []);
  else if (audit?.list !== undefined) await visit.exchange([audit.list]);
}

async function secured(visit: Visit): Promise<FirstTls> {
  let ocspStapled = false;
  const prepare = (secure: TLSSocket) =>
    secure.on('OCSPResponse', response => {
      ocspStapled = response !== null && response.length > 0;
    });
  const secure = await visit.secure({ requestOcsp: true, prepare });
  const error: unknown = secure.authorizationError; // typed as Error, and a string or null in fact
  const fault = typeof error === 'string' ? error : undefined;
  return { facts: tlsFacts(secure, 'client'), chain: peerChain(secure), fault, ocspStapled };
}

/** Milliseconds since it was last asked. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const passed = Math.round((now - last) * 10) / 10;
    last = now;
    return passed;
  };
}
