import type { Socket } from 'node:net';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { formOf } from './form.ts';
import { type PlainUpstream, plainUpstream } from './proxying.ts';
import { underTls } from './speak.ts';
import { grouped, transcriptsOf } from './transcript.ts';
import { twinTalk } from './twin.ts';
import type { WireClient } from './wire-client.ts';

/** An upstream that says what a test tells it to. */
export interface TaciturnUpstream extends PlainUpstream {
  /** Resolves when what it has been told on all its connections ends so. */
  hears(text: string): Promise<void>;
}

export async function taciturnUpstream(): Promise<TaciturnUpstream> {
  let heard = '';
  let wake = () => {};
  const upstream = await plainUpstream(socket => {
    socket.on('data', data => {
      heard += data.toString('latin1');
      wake();
    });
  });
  const hears = async (text: string) => {
    while (!heard.endsWith(text)) {
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  };
  return { ...upstream, hears };
}

/** What `proxy.txt` of the protocol has under TLS. */
function conversationOf(protocol: Protocol) {
  const transcript = transcriptsOf(protocol.name).find(({ file }) => file.endsWith('/proxy.txt'));
  const steps = grouped(transcript?.steps ?? []);
  return steps.slice(steps.findIndex(({ kind, text }) => kind === 'mark' && text === 'TLS') + 1);
}

/** Turns TLS on and says all that has the proxy dial, and no more. */
export async function untilDialled(client: WireClient, protocol: Protocol): Promise<void> {
  await underTls(client, protocol);
  for (const { kind, text } of conversationOf(protocol)) {
    if (kind === 'mark') return;
    if (kind === 'client') client.say(text);
    else await client.until(asLongAs(text));
  }
}

/**
 * Plays the parts of the client and of the first upstream that is dialled, up to the hand-over and until each has what
 * the other has said; then the stream is the test's, at both ends.
 */
export async function handedOver(
  client: WireClient,
  upstream: TaciturnUpstream,
  protocol: Protocol,
): Promise<Socket> {
  await underTls(client, protocol);
  const carried = formOf(protocol).carried(twinTalk(protocol).upgradeScript.at(-1) ?? '');
  let far: Socket | undefined;
  for (const { kind, text, unread, answer } of conversationOf(protocol)) {
    if (kind === 'mark' && text === 'dial') far = await upstream.socket(0);
    else if (kind === 'client') client.say(text);
    else if (kind === 'fromUpstream') far?.write(text, 'latin1');
    else if (kind === 'toUpstream') await upstream.hears(text);
    else if (kind === 'server') await client.until(asLongAs(text));
    else {
      if (unread !== '') await upstream.hears(carried || unread);
      if (answer !== '') await client.until(asLongAs(answer));
    }
  }
  if (far === undefined) throw new Error(`${protocol.name} does not dial`);
  return far;
}

/** Our own words differ in ids alone. */
function asLongAs(text: string): RegExp {
  return new RegExp(`^[\\s\\S]{${text.length}}`);
}
