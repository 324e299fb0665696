import { Buffer } from 'node:buffer';
import * as net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../fuzz/random.ts';

/** What a rude client sends first; the server is of any protocol. */
const OPENINGS: readonly string[] = [
  '',
  'EHLO rude.example.org\r\nSTARTTLS\r\n',
  'a1 STARTTLS\r\n',
  'STLS\r\n',
  'AUTH TLS\r\n',
  'STARTTLS\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  '\x30\x1d\x02\x01\x01\x77\x18\x80\x16',
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>",
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: TLS/1.3\r\nConnection: Upgrade\r\n\r\n',
];

/** How it goes on, and when that is over it just stays, until the server has enough of it. */
const WAYS = ['stall', 'reset', 'close', 'garbage', 'dribble', 'deaf'] as const;

/** Longer than every deadline of the server, in milliseconds. */
const LONGEST = 60_000;
/** So long a deaf one does not read, which is longer than a dialogue may be; it would not see the end either. */
const DEAF = 18_000;

/**
 * Comes with half an upgrade, garbage or nothing, and resets, dribbles, stalls or does not read. Resolves when it is
 * gone, at the latest by the server's own deadline; rejects when the server has kept it beyond that.
 */
export async function visitRudely(port: number, random: Random): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  const gone = new Promise<void>(resolve => socket.once('close', () => resolve()));
  socket.write(Buffer.from(random.oneOf(OPENINGS), 'latin1'));
  const way = random.oneOf(WAYS);
  if (way !== 'deaf') socket.resume();
  void goOn(socket, way, random);
  const late = pause(LONGEST, 'late', { ref: false });
  if ((await Promise.race([gone, late])) === 'late') {
    socket.destroy();
    throw new Error(`the server has kept a client that does nothing but ${way}`);
  }
}

async function goOn(socket: net.Socket, way: (typeof WAYS)[number], random: Random): Promise<void> {
  await pause(random.below(300));
  if (way === 'reset') socket.resetAndDestroy();
  else if (way === 'close') socket.end();
  else if (way === 'garbage') socket.write(bytes(random, 1 + random.below(20_000)));
  else if (way === 'deaf') {
    socket.write('NOOP\r\n'.repeat(10_000));
    await pause(DEAF);
    socket.resume();
  }
  while (way === 'dribble' && socket.writable) {
    socket.write(bytes(random, 1));
    await pause(100);
  }
}

function bytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}
