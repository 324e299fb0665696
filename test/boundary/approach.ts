import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { WireClient } from '../support/wire-client.ts';
import type { Exchange } from './dialect.ts';
import type { Target } from './target.ts';
import { TlsEngine } from './tls-engine.ts';

/** A client that has said nothing but `first`, and has heard the greeting and what `first` is answered. */
export async function greeted(target: Target, first: Exchange = SILENCE): Promise<WireClient> {
  const client = await WireClient.connect(target.port);
  await hear(client, target.dialect.greeting.length);
  await exchange(client, first);
  return client;
}

/** A client that has all but given the upgrade command. */
export async function atCommand(target: Target, first?: Exchange): Promise<WireClient> {
  const client = await greeted(target, first);
  for (const each of target.dialect.script) await exchange(client, each);
  return client;
}

/** A client that has been given the go-ahead. */
export async function atGoAhead(target: Target, first?: Exchange): Promise<WireClient> {
  const client = await atCommand(target, first);
  client.say(target.dialect.command);
  if (target.dialect.goAhead !== '') await client.until(target.dialect.goAhead);
  return client;
}

export interface SecureClient {
  readonly client: WireClient;
  /** The socket beneath TLS. */
  readonly raw: Socket;
}

/** A client under TLS, to which nothing has been said there yet. */
export async function underTls(
  target: Target,
  options: ConnectionOptions = {},
  first?: Exchange,
): Promise<SecureClient> {
  const client = await atGoAhead(target, first);
  const raw = client.socket;
  await client.startTls(options);
  return { client, raw };
}

/** A client that has been answered under TLS: only then is the server, too, done with the handshake. */
export async function answeredUnderTls(target: Target, options?: ConnectionOptions): Promise<SecureClient> {
  const secure = await underTls(target, options);
  const { say, hear: words } = target.dialect.secure;
  await exchange(secure.client, { say, hear: words });
  return secure;
}

/** Says and hears; throws when that does not come, or something else. */
export async function exchange(client: WireClient, { say, hear: words }: Exchange): Promise<void> {
  if (say !== '') client.say(say);
  await hear(client, words.length);
}

/** The first flight of a TLS client. */
export async function clientHello(): Promise<Buffer> {
  const engine = new TlsEngine();
  const hello = await engine.hello;
  engine.destroy();
  return hello;
}

const SILENCE: Exchange = { say: '', hear: '' };

async function hear(client: WireClient, length: number): Promise<void> {
  // By length: a greeting may hold a time or a challenge.
  if (length > 0) await client.until(new RegExp(`^[^]{${length}}`));
}
