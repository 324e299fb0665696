import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

/**
 * Calls back, once, with the first bytes that a socket gives, or with `undefined` when none have come within
 * `patience` milliseconds (0: for ever) or none will come. The socket is paused then.
 */
export function firstBytes(socket: Socket, patience: number, found: (first?: Buffer) => void): void {
  const settle = (first?: Buffer) => {
    clearTimeout(timer);
    socket.off('data', settle).off('close', gone).pause();
    found(first);
  };
  const gone = () => clearTimeout(timer);
  const timer = patience > 0 ? setTimeout(settle, patience) : undefined;
  socket.on('data', settle).once('close', gone);
}
