import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Protocol, Scene } from '../../src/dialogue/protocol.ts';
import { openSecure } from '../../src/net/open-secure.ts';
import type { Random } from '../fuzz/random.ts';

export interface Visit {
  readonly protocol: Protocol;
  readonly port: number;
  readonly ca: string;
  readonly random: Random;
}

const SCENE: Scene = {
  hostname: 'localhost',
  policy: 'required',
  takesImplicit: false,
  application: true,
  capabilities: [],
  available: () => true,
  token: () => 'soak',
};

/** For each answer, in milliseconds: far more than any takes, so that who is slow is not called lost. */
const PATIENCE = 60_000;

/**
 * Turns TLS on, as the protocol's client does, and sends numbered lines, cut anywhere, while it reads what comes back,
 * now and then slowly. Each must come back once and in its place; the number of them is returned. Rejects with what
 * went wrong.
 */
export async function visitHonestly({ protocol, port, ca, random }: Visit): Promise<number> {
  const { stream } = await openSecure(
    { host: '127.0.0.1', port },
    {
      protocol,
      scene: SCENE,
      tls: { servername: 'localhost', ca, alpn: protocol.alpn ?? [] },
      untilTls: true,
      timeout: PATIENCE,
    },
  );
  const lines = linesOf(random);
  try {
    await Promise.all([sendInPieces(stream, lines, random), hearAll(stream, lines, random)]);
  } finally {
    stream.destroy();
  }
  return lines.length;
}

function linesOf(random: Random): string[] {
  const count = 1 + random.below(200);
  return Array.from({ length: count }, (_, at) => `${at} ${'x'.repeat(random.below(300))}`);
}

async function sendInPieces(stream: TLSSocket, lines: readonly string[], random: Random): Promise<void> {
  const bytes = Buffer.from(lines.map(line => `${line}\r\n`).join(''), 'latin1');
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + random.below(4000));
    at += piece.length;
    if (!stream.write(piece)) await once(stream, 'drain', { signal: AbortSignal.timeout(PATIENCE) });
    if (random.below(4) === 0) await pause(random.below(20));
  }
  stream.end();
}

async function hearAll(stream: TLSSocket, lines: readonly string[], random: Random): Promise<void> {
  const late = setTimeout(() => stream.destroy(new Error('no answer')), PATIENCE);
  let rest = '';
  let heard = 0;
  try {
    for await (const data of stream) {
      const parts = (rest + data.toString('latin1')).split('\r\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        // Some servers greet again under TLS, or have a request to answer.
        if (heard === 0 && part !== lines[0]) continue;
        if (part !== lines[heard]) throw new Error(`line ${heard} came back as ${JSON.stringify(part)}`);
        heard += 1;
      }
      if (random.below(8) === 0) await pause(random.below(30));
    }
  } finally {
    clearTimeout(late);
  }
  if (rest !== '' || heard !== lines.length) throw new Error(`${heard} of ${lines.length} lines came back`);
}
