import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as tls from 'node:tls';

export interface Visited {
  /** Whether the server took the ticket. */
  readonly resumed: boolean;
  /** What to come back with. */
  readonly session: Buffer | undefined;
  /** The common name of the server's certificate, as it was in the full handshake. */
  readonly subject: string | undefined;
}

/**
 * A client with TLS from the first byte that waits for a word of the server's and leaves, with a ticket. Rejects where
 * the handshake fails, or the server leaves without a word.
 */
export async function visit(port: number, options: tls.ConnectionOptions = {}): Promise<Visited> {
  const secure = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  const ticket = new Promise<Buffer>(resolve => secure.once('session', resolve));
  const closed = once(secure, 'close');
  try {
    const word = await Promise.race([once(secure, 'data'), closed.then(() => undefined)]);
    if (word === undefined) throw new Error('the server left without a word');
    const met = { resumed: secure.isSessionReused(), subject: subjectOf(secure) };
    secure.end();
    // Of TLS 1.2 Node does not tell a ticket that is new in a session that was resumed.
    const later = secure.getProtocol() === 'TLSv1.3' ? undefined : secure.getSession();
    const session = later ?? (await Promise.race([ticket, closed.then(() => undefined)]));
    return { ...met, session };
  } finally {
    secure.destroy();
  }
}

function subjectOf(secure: tls.TLSSocket): string | undefined {
  const { subject }: Partial<tls.PeerCertificate> = secure.getPeerCertificate();
  return subject === undefined ? undefined : String(subject.CN);
}
