import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';

/** Asks the server for a second handshake inside of the session (TLS 1.2), and tells whether one came about in time. */
export async function renegotiate(secure: TLSSocket, timeout: number): Promise<boolean> {
  const over = new AbortController();
  let done = false;
  const late = setTimeout(() => over.abort(), timeout);
  const ended = once(over.signal, 'abort');
  secure.once('close', () => over.abort());
  secure.renegotiate({ rejectUnauthorized: false }, error => {
    done = error === null;
    over.abort();
  });
  // What the server says is read only as long as somebody reads.
  secure.resume();
  await ended;
  clearTimeout(late);
  return done;
}
