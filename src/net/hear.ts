import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import type { Socket } from 'node:net';

export interface Heard {
  readonly bytes: Buffer;
  /** Whether the other end has finished, or the connection is gone. */
  readonly ended: boolean;
}

export interface HearOptions {
  /** For how long at most, in milliseconds. */
  readonly within: number;
  /** Whether what has come so far will do. Default: never. */
  readonly enough?: (bytes: Buffer) => boolean;
  /** Hears each read. Default: nobody. */
  readonly observe?: (bytes: Buffer) => void;
}

/** What is read at once: a server that talks without end is not listened to. */
const LIMIT = 262_144;

/**
 * Reads from a socket until it is enough, the time is over or the other end has finished; the socket is paused
 * afterwards. Never rejects.
 */
export async function hear(socket: Socket, { within, enough, observe }: HearOptions): Promise<Heard> {
  if (socket.destroyed || socket.readableEnded) return { bytes: Buffer.alloc(0), ended: true };
  const over = new AbortController();
  let bytes = Buffer.alloc(0);
  let ended = false;
  const stop = () => {
    clearTimeout(late);
    socket.off('data', read).off('end', gone).off('close', gone).pause();
    over.abort();
  };
  const read = (data: Buffer) => {
    observe?.(data);
    bytes = Buffer.concat([bytes, data]);
    if (bytes.length > LIMIT || enough?.(bytes) === true) stop();
  };
  const gone = () => {
    ended = true;
    stop();
  };
  const late = setTimeout(stop, within);
  const heard = once(over.signal, 'abort');
  socket.on('data', read).on('end', gone).on('close', gone).resume();
  await heard;
  return { bytes, ended };
}

/** How long the other end may take to close when we do, in milliseconds. */
const LINGER = 300;

/** Closes, and resolves when the connection is gone. */
export async function hangUp(socket: Socket): Promise<void> {
  if (socket.closed) return;
  // An error only comes before the close that follows from it.
  const closed = once(socket, 'close').catch(() => undefined);
  const late = setTimeout(() => socket.destroy(), LINGER);
  socket.removeAllListeners('data').on('error', () => socket.destroy());
  socket.end();
  socket.resume();
  await closed;
  clearTimeout(late);
}
