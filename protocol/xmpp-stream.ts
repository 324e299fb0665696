import type { Peer, Step } from '../src/dialogue/peer.ts';
import type { Scene } from '../src/dialogue/protocol.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { isWhitespace } from '../src/wire/whitespace.ts';
import {
  checkCharacters,
  escapeXml,
  hasQuotes,
  type Markup,
  parseMarkup,
  quoteBehind,
  type Tag,
} from '../src/wire/xml.ts';

/** The namespace of stanzas: all in which the two protocols differ. */
export type Content = 'jabber:client' | 'jabber:server';

export const STREAM = 'http://etherx.jabber.org/streams';
export const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
export const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const ERRORS = 'urn:ietf:params:xml:ns:xmpp-streams';

export const DECLARATION = "<?xml version='1.0'?>";

/**
 * We are who the client takes us for, as an application may serve several domains, and tell it its own bare
 * address back (RFC 6120 sections 4.7.1 and 4.7.2).
 */
export function streamHeader(scene: Scene, content: Content, theirs?: Tag): string {
  const { to, from }: Readonly<Record<string, string>> = Object.fromEntries(theirs?.attributes ?? []);
  const our = HOST_NAME.test(to ?? '') ? to : escapeXml(scene.hostname);
  const their = ADDRESS.exec(from ?? '')?.[1];
  const ends = their === undefined ? `from='${our}'` : `from='${our}' to='${their}'`;
  return `${DECLARATION}<stream:stream xmlns='${content}' xmlns:stream='${STREAM}' id='${scene.token()}' ${ends} version='1.0' xml:lang='en'>`;
}

/** What is repeated of an address can break out of no quotes; scanners say an IP address. */
const HOST = String.raw`[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Fa-f:.]{2,45}`;
const HOST_NAME = new RegExp(`^(?:${HOST})$`);
const ADDRESS = new RegExp(`^((?:[A-Za-z0-9_.~+-]{1,64}@)?(?:${HOST}))(?:/|$)`);

export function streamError(condition: string, text = ''): string {
  const words = text === '' ? '' : `<text xmlns='${ERRORS}' xml:lang='en'>${text}</text>`;
  return `<stream:error><${condition} xmlns='${ERRORS}'/>${words}</stream:error></stream:stream>`;
}

/** Last words, in a stream of their own where there is none yet: an error must stand in one (RFC 6120 section 4.9.1.2). */
export function xmppFarewell(
  { code }: SallyportError,
  scene: Scene,
  content: Content,
  client: Peer | undefined,
): string | undefined {
  if (SILENT.has(code)) return undefined;
  const header = TURNED_AWAY.has(code) || client?.progress === 0 ? streamHeader(scene, content) : '';
  return `${header}${streamError(CONDITIONS[code] ?? 'policy-violation')}`;
}

/** Nothing is said to these. */
export const SILENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ERR_PEER_CLOSED', 'ERR_CLIENT_HELLO']);

/** These come before anything was said: the error needs a stream to stand in. */
const TURNED_AWAY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_TOO_MANY_CONNECTIONS',
  'ERR_TOO_MANY_FROM_ADDRESS',
  'ERR_CONNECTION_RATE',
]);

/** RFC 6120 section 4.9.3. */
const CONDITIONS: { readonly [code in ErrorCode]?: string } = {
  ERR_BAD_LINE: 'not-well-formed',
  ERR_BAD_SYNTAX: 'not-well-formed',
  ERR_HTTP_REQUEST: 'not-well-formed',
  ERR_DIALOGUE_TIMEOUT: 'connection-timeout',
  ERR_COMMAND_TIMEOUT: 'connection-timeout',
  ERR_IDLE_TIMEOUT: 'connection-timeout',
  ERR_TOO_MANY_CONNECTIONS: 'resource-constraint',
  ERR_TOO_MANY_FROM_ADDRESS: 'resource-constraint',
  ERR_CONNECTION_RATE: 'resource-constraint',
  ERR_HANDSHAKE_RATE: 'resource-constraint',
  ERR_SHUTTING_DOWN: 'system-shutdown',
  ERR_UPSTREAM_UNREACHABLE: 'remote-connection-failed',
  ERR_UPSTREAM_TIMEOUT: 'remote-connection-failed',
  ERR_UPSTREAM_CLOSED: 'remote-connection-failed',
  ERR_UPSTREAM_REPLY: 'remote-connection-failed',
  ERR_APPLICATION: 'internal-server-error',
  ERR_INTERNAL: 'internal-server-error',
};

/** RFC 6120 section 13.12: a server must take as much, and a tag here needs no more. */
const LIMIT = 10_000;

const LESS_THAN = 0x3c;

/** The next markup, where nothing but white space may stand before it: clients say that to be kept alive. */
export function* readElement(client: Peer): Step<Markup> {
  yield* client.begin();
  let first = yield* client.peek();
  while (isWhitespace(Uint8Array.of(first))) {
    yield* client.bytes(1);
    yield* client.begin();
    first = yield* client.peek();
  }
  if (first === LESS_THAN) return (yield* readMarkup(client)).markup;
  // A capital letter may begin an HTTP request; the line tells.
  if (first >= 0x41 && first <= 0x5a) yield* client.command(LIMIT);
  throw new SallyportError('ERR_BAD_SYNTAX', 'text between elements');
}

/** The next markup, and the text before it. */
export function* readMarkup(peer: Peer): Step<{ before: string; markup: Markup }> {
  const read = yield* peer.through('>', LIMIT);
  const begin = read.indexOf('<');
  if (begin < 0) throw new SallyportError('ERR_BAD_SYNTAX', 'tag expected');
  const before = read.slice(0, begin);
  checkCharacters(before);
  let text = read.slice(begin);
  let quote = hasQuotes(text) ? quoteBehind(text) : '';
  while (quote !== '') {
    const more = yield* peer.through('>', LIMIT - text.length);
    quote = quoteBehind(more, quote);
    text += more;
  }
  return { before, markup: parseMarkup(text) };
}

/** The text of an element up to its end; `undefined` where there is something else in it. */
export function* readContent(peer: Peer, tag: Tag): Step<string | undefined> {
  if (tag.empty) return '';
  const { before, markup } = yield* readMarkup(peer);
  return markup.kind === 'end' && markup.name === tag.name ? before : undefined;
}
