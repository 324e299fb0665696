import type { Buffer } from 'node:buffer';
import type { TLSSocket } from 'node:tls';
import { BER, decodeConstructed, decodeElements, decodeInteger } from '../wire/ber.ts';
import type { ResumptionFacts } from './probe-result.ts';
import type { Subject } from './subject.ts';
import { Visit } from './visit.ts';

/** How long one waits for a ticket that should have come with the first reply, in milliseconds. */
const TICKET_PATIENCE = 200;

/** Opens a session, and tries to resume it on a second connection. */
export async function resumption(
  subject: Subject,
  version: ResumptionFacts['version'],
): Promise<ResumptionFacts> {
  const sessions: Buffer[] = [];
  const prepare = (secure: TLSSocket) => secure.on('session', session => sessions.push(session));
  const only = { minVersion: version, maxVersion: version };
  const first = await Visit.begin(subject);
  try {
    await first.untilGoAhead();
    const secure = await first.secure({ ...only, prepare });
    await first.converse();
    // TLS 1.3 has its tickets come behind the handshake, and only with a first reply is it sure that they have.
    if (sessions.length === 0) await first.hear(undefined, TICKET_PATIENCE);
    const known = version === 'TLSv1.2' ? secure.getSession() : undefined;
    if (sessions.length === 0 && known !== undefined) sessions.push(known);
  } finally {
    await first.end();
  }
  const session = sessions.at(-1);
  if (session === undefined) return { version, resumed: false, ticketLifetime: undefined };
  const second = await Visit.begin(subject);
  try {
    await second.untilGoAhead();
    const secure = await second.secure({ ...only, session });
    return { version, resumed: secure.isSessionReused(), ticketLifetime: ticketLifetime(session) };
  } finally {
    await second.end();
  }
}

/**
 * The lifetime of a ticket, in seconds, from OpenSSL's own form of a session (`d2i_SSL_SESSION`): a sequence in which
 * it is the element [9]. `undefined` where there is none: a session without a ticket, or another form.
 */
function ticketLifetime(session: Uint8Array): number | undefined {
  try {
    const fields = decodeConstructed(decodeElements(session)[0], BER.sequence);
    const hint = fields.find(({ tag }) => tag === TICKET_LIFETIME_HINT);
    return hint === undefined ? undefined : decodeInteger(decodeElements(hint.content)[0]);
  } catch {
    return undefined;
  }
}

const TICKET_LIFETIME_HINT = 0xa9;
