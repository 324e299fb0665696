import type { ConnectionOptions } from 'node:tls';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { twinTalk } from './twin.ts';
import type { WireClient } from './wire-client.ts';

/** As long as the tokens of a real server, so that replies are. */
const LIKE_A_SERVER = { token: () => '0'.repeat(32) };

/** Waits for the greeting, where the server speaks first. */
export async function greeted(client: WireClient, protocol: Protocol): Promise<WireClient> {
  const [greeting = ''] = twinTalk(protocol, LIKE_A_SERVER).upgradeReplies;
  if (greeting !== '') await client.until(asLongAs(greeting));
  return client;
}

/** Says all that leads to the go-ahead, and waits for that: the next byte is TLS. */
export async function atGoAhead(client: WireClient, protocol: Protocol): Promise<WireClient> {
  const { upgradeScript, upgradeReplies } = twinTalk(protocol, LIKE_A_SERVER);
  await greeted(client, protocol);
  for (const [index, piece] of upgradeScript.entries()) {
    client.say(piece);
    const reply = upgradeReplies[index + 1] ?? '';
    if (reply !== '') await client.until(asLongAs(reply));
  }
  return client;
}

/** What is as long as a reply: ids and challenges in it are fresh each time. */
function asLongAs(reply: string): RegExp {
  return new RegExp(`^[\\s\\S]{${reply.length}}`);
}

/** Goes all the way to TLS. */
export async function underTls(
  client: WireClient,
  protocol: Protocol,
  options: ConnectionOptions = {},
): Promise<WireClient> {
  await atGoAhead(client, protocol);
  await client.startTls(options);
  return client;
}

/** Runs `act` so many times, at most `width` at once. */
export async function inParallel(
  count: number,
  width: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
