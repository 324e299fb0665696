import { readFileSync } from 'node:fs';
import { getDefaultHighWaterMark } from 'node:stream';
import type { WireClient } from '../support/wire-client.ts';
import { delay } from './delay.ts';
import type { Exchange } from './dialect.ts';

/** Replies asked for at a time: more than a stream takes before it says that it is full. */
const STEP = 100_000;
/** Looking takes time where there are many connections, so it begins when it may be worth it. */
let sure = 2_000_000;
/** What a stream of the server's takes before it asks for patience: 16 KiB in Node 20, 64 KiB from 22 on. */
const PATIENCE = getDefaultHighWaterMark(false);
/** How much less than at the last connection that may be. */
const LESS = 4 * STEP;
/** More than the system keeps for a connection. */
const MOST = 64 * 2 ** 20;
/** When nothing has come for so long, in milliseconds, nothing comes. */
const SETTLE = 20;

/**
 * Asks for replies and reads none, until the server has replies that the system does not take from it. From
 * then on a right server reads no further than its stream's buffer: what is sent next lies there unread.
 * Returns how many bytes of replies are owed.
 */
export async function askWithoutReading(wire: WireClient, exchange: Exchange): Promise<number> {
  const { say, hear } = exchange;
  const count = Math.ceil(STEP / hear.length);
  wire.socket.pause();
  const before = wire.socket.bytesRead;
  // Our own stream, too, takes in a little.
  const taken = () => heldBySystem(wire) + wire.socket.bytesRead - before;
  let owed = 0;
  while (owed < MOST) {
    wire.say(say.repeat(count));
    owed += count * hear.length;
    await delay(1);
    if (owed < sure || (await settled(taken)) + PATIENCE >= owed) continue;
    sure = Math.max(sure, owed - LESS);
    return owed;
  }
  throw new Error('the system takes replies without end');
}

/** What is taken when no more is: a server may only be slow. */
async function settled(taken: () => number): Promise<number> {
  for (let before = taken(); ; ) {
    await delay(SETTLE);
    const now = taken();
    if (now === before) return now;
    before = now;
  }
}

/** Bytes that the system holds of what the server has written and the client has not read. */
function heldBySystem(wire: WireClient): number {
  const { localPort = 0, remotePort = 0 } = wire.socket;
  const [ours, theirs] = [portOf(localPort), portOf(remotePort)];
  const table = readFileSync('/proc/net/tcp', 'latin1');
  return queued(table, ours, theirs).toRead + queued(table, theirs, ours).toSend;
}

/** What waits to be sent, and to be read, at one end of a connection, as `ss` shows it. */
function queued(table: string, local: string, remote: string): { toSend: number; toRead: number } {
  const row = new RegExp(`${local} ${remote} \\S+ (\\w+):(\\w+)`).exec(table);
  return { toSend: Number.parseInt(row?.[1] ?? '0', 16), toRead: Number.parseInt(row?.[2] ?? '0', 16) };
}

function portOf(port: number): string {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}
