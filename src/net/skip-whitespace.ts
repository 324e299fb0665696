import type { Socket } from 'node:net';
import { SallyportError } from '../errors.ts';
import { leadingWhitespace } from '../wire/whitespace.ts';

/**
 * Reads and drops white space up to the first other byte, which stays in the socket's read buffer. Several
 * XMPP clients end their elements with a line end, and a cut may bring it behind the go-ahead. Resolves with
 * what is left of `timeout`, in milliseconds. Rejects with ERR_HANDSHAKE_TIMEOUT or ERR_HANDSHAKE_PEER_GONE;
 * the socket is destroyed then.
 */
export function skipWhitespace(socket: Socket, timeout: number): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      socket.pause().off('data', read).off('end', gone).off('close', gone);
    };
    const fail = (error: SallyportError) => {
      stop();
      socket.destroy();
      reject(error);
    };
    const gone = () => fail(new SallyportError('ERR_HANDSHAKE_PEER_GONE'));
    const read = (data: Uint8Array) => {
      const ink = data.subarray(leadingWhitespace(data));
      if (ink.length === 0) return;
      stop();
      socket.unshift(ink);
      resolve(Math.max(1, timeout - (performance.now() - begun)));
    };
    const timer = setTimeout(() => fail(new SallyportError('ERR_HANDSHAKE_TIMEOUT')), timeout);
    socket.on('data', read).on('end', gone).on('close', gone).resume();
  });
}
