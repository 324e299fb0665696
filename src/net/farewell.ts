import type { Duplex } from 'node:stream';

/** How long the other end may take to close, in milliseconds. */
const LINGER = 1000;

/** How much it may still send meanwhile, in bytes; who sends more is not listening. */
const LINGER_BYTES = 65_536;

/**
 * Says the last words and closes: half-closes behind them (with close_notify under TLS), reads and drops a
 * little of what still comes, so that no reset overtakes the words and the other end's FIN is seen, and
 * destroys the socket when the other end does not close in time.
 */
export function farewellTo(socket: Duplex, words?: string): void {
  if (socket.destroyed) return;
  socket.removeAllListeners('data');
  socket.on('error', () => socket.destroy());
  if (words === undefined || words === '' || !socket.writable) socket.end();
  else socket.end(words, 'latin1');
  let dropped = 0;
  socket.on('data', data => {
    dropped += data.length;
    if (dropped > LINGER_BYTES) socket.destroy();
  });
  socket.resume();
  const linger = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(linger));
}
