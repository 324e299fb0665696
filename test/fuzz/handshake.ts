import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import { TlsEngine } from '../boundary/tls-engine.ts';
import type { Random } from './random.ts';

/** ClientHellos as Node sends them, to be spoilt: with a name, without, of TLS 1.2, large, with ALPN. */
export async function clientHellos(): Promise<readonly Buffer[]> {
  const wanted = [
    { servername: 'localhost' },
    {},
    { maxVersion: 'TLSv1.2' },
    { servername: `${'a'.repeat(60)}.`.repeat(4), ALPNProtocols: ['smtp', 'imap', 'x'.repeat(255)] },
    { ALPNProtocols: Array.from({ length: 40 }, (_, at) => `${'y'.repeat(100)}${at}`) },
  ] as const;
  return Promise.all(
    wanted.map(async options => {
      const engine = new TlsEngine({
        ...options,
        ALPNProtocols: [...('ALPNProtocols' in options ? options.ALPNProtocols : [])],
      });
      const hello = await engine.hello;
      engine.destroy();
      return hello;
    }),
  );
}

/** How a spoilt handshake ends when the client has said all. */
const ENDINGS = ['finish', 'finish', 'finish', 'reset', 'reset', 'stay'] as const;

/**
 * Connects, says what comes before the ClientHello, waits for so many bytes of answer, and sends a spoilt hello in
 * pieces. Resolves when the connection is gone.
 */
export async function shakeBadly(
  { port, before, answer }: { readonly port: number; readonly before: string; readonly answer: number },
  hellos: readonly Buffer[],
  random: Random,
): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  const gone = once(socket, 'close').catch(() => {});
  if (answer > 0) await heard(socket, before, answer);
  socket.resume();
  const bytes = spoilt(random.oneOf(hellos), hellos, random);
  const cut = random.below(3) === 0 ? random.below(bytes.length + 1) : 0;
  socket.write(bytes.subarray(0, cut));
  socket.write(bytes.subarray(cut));
  const ending = random.oneOf(ENDINGS);
  if (ending === 'finish') socket.end();
  else if (ending === 'reset') setImmediate(() => socket.resetAndDestroy());
  await gone;
}

async function heard(socket: net.Socket, before: string, answer: number): Promise<void> {
  socket.write(Buffer.from(before, 'latin1'));
  let count = 0;
  while (count < answer && !socket.destroyed) {
    const [data] = await Promise.race([
      once(socket, 'data'),
      once(socket, 'close').then(() => [Buffer.alloc(answer)]),
    ]);
    count += data.length;
  }
}

/** One to five changes: bytes of other values, lengths that lie, records cut, doubled, of other types. */
function spoilt(hello: Buffer, hellos: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = hello;
  for (let count = 1 + random.below(5); count > 0; count--) bytes = spoiltOnce(bytes, hellos, random);
  return bytes;
}

/** Where the lengths of a record and of its handshake message stand (RFC 8446 sections 4 and 5.1). */
const LENGTHS = [3, 4, 6, 7, 8, 43] as const;

function spoiltOnce(bytes: Buffer, hellos: readonly Buffer[], random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const any = () => Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256)));
  switch (random.below(9)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), any(), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes, random.oneOf(hellos)]);
    case 3:
      return Buffer.concat([bytes, record(20 + random.below(6), any())]);
    case 4:
      return Buffer.concat([record(20 + random.below(6), any()), bytes]);
    case 5:
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + random.below(60))),
      ]);
    case 6:
      return changed(bytes, random.oneOf(LENGTHS), random.below(256));
    default:
      return changed(bytes, at, random.below(256));
  }
}

function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = value;
  return copy;
}

function record(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, content.length >> 8, content.length & 255]), content]);
}
