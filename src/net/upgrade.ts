import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SallyportError } from '../errors.ts';
import { defaults } from '../options.ts';
import { farewellTo } from './farewell.ts';
import { skipWhitespace } from './skip-whitespace.ts';
import type { TlsTerminator } from './terminator.ts';

export interface UpgradeOptions {
  /** Holds the certificate and the contexts; make one at start-up, not one for each connection. */
  readonly terminator: TlsTerminator;
  /** The reply that lets the client send its ClientHello, with its line end. Default: none. */
  readonly goAhead?: string | Uint8Array;
  /** What you have read from the socket and not consumed. Default: nothing. */
  readonly unread?: Uint8Array;
  /**
   * Only where the protocol lets a client send its ClientHello early: the TLS bytes that you have read, or none.
   * They go to TLS, as does what the socket itself still holds.
   */
  readonly early?: Uint8Array;
  /** Plaintext behind the upgrade command: `refuse` (ERR_PLAINTEXT_AFTER_UPGRADE) or `discard`. Default `refuse`. */
  readonly plaintextAfterUpgrade?: 'refuse' | 'discard';
  /** White space before the ClientHello is dropped, also when it comes behind the go-ahead (xmpp). Default `false`. */
  readonly skipWhitespace?: boolean;
  /** Chooses the certificate where the client's SNI does not: what it said in plaintext, latin1. Default: none. */
  readonly servername?: string;
  /** Last words in plaintext when the upgrade is refused, before the go-ahead. Default: none. */
  readonly refusal?: string;
  /** From the go-ahead to the end of the handshake, in milliseconds. Default 30 s. */
  readonly handshakeTimeout?: number;
}

/**
 * Turns TLS on, on a connection that began in plaintext: stops reading, makes sure that nothing is unread,
 * sends the go-ahead, wraps the socket and does the handshake under a deadline. All up to the wrap happens
 * in the tick of the call, so that no plaintext reader can see a byte of TLS, nor TLS a byte of plaintext; where the
 * terminator has several certificates, the ClientHello is read before the wrap, and given back to TLS.
 *
 * Resolves with the TLS socket, on which errors already destroy. Rejects with one typed reason (ERR_SOCKET,
 * ERR_PLAINTEXT_AFTER_UPGRADE, ERR_HANDSHAKE_…); the socket is closed then, without a word in plaintext
 * behind the go-ahead.
 */
export async function upgrade(socket: Socket, options: UpgradeOptions): Promise<TLSSocket> {
  const { terminator, goAhead = '', early, unread, refusal = '', servername } = options;
  checkSocket(socket);
  stopReading(socket);
  const left = (unread?.length ?? 0) + socket.readableLength;
  if (left > 0 && early === undefined) {
    if ((options.plaintextAfterUpgrade ?? defaults.plaintextAfterUpgrade) === 'refuse') {
      farewellTo(socket, refusal);
      throw new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE');
    }
    socket.read();
  }
  if (early !== undefined && early.length > 0) socket.unshift(early);
  if (goAhead.length > 0) socket.write(goAhead, 'latin1');
  while (socket.writableCorked > 0) socket.uncork();
  const timeout = options.handshakeTimeout ?? defaults.handshakeTimeout;
  if (options.skipWhitespace !== true) return terminator.accept(socket, timeout, servername);
  return terminator.accept(socket, await skipWhitespace(socket, timeout), servername);
}

function checkSocket(socket: Socket): void {
  const fault = faultOf(socket);
  if (fault === undefined) return;
  if (socket instanceof Socket) socket.destroy();
  throw new SallyportError('ERR_SOCKET', fault);
}

function faultOf(socket: Socket): string | undefined {
  if (!(socket instanceof Socket)) return 'not a net.Socket';
  // TLS over a dead socket would neither fail nor end, ever.
  if (socket.destroyed || !socket.writable || socket.pending) return 'not connected';
  // With an encoding, a ClientHello in the read buffer aborts the process (nodejs/node#58756).
  if (socket.readableEncoding !== null) return 'setEncoding was called on it';
  return undefined;
}

/** The plaintext reader is retired for good: it must not see what the TLS layer takes out of the buffer. */
function stopReading(socket: Socket): void {
  socket.unpipe();
  // One by one: `removeAllListeners('data')` leaves Node's stream believing that somebody listens, and the
  // next line then has it flow, a tick later, to nobody: an early ClientHello would be lost.
  for (const listener of socket.rawListeners('data')) socket.off('data', listener as () => void); // any arguments
  socket.removeAllListeners('readable');
  socket.pause();
}
