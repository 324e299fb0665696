import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import { mayHandOver, mayUpgrade, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { SallyportError } from '../src/errors.ts';
import { escapeXml, localName, namespaceOf, type Tag } from '../src/wire/xml.ts';
import { xmppAudit } from './xmpp-audit.ts';
import { passStream, readFeatures } from './xmpp-features.ts';
import {
  type Content,
  DECLARATION,
  readContent,
  readElement,
  readMarkup,
  SASL,
  STREAM,
  streamError,
  streamHeader,
  TLS,
  xmppFarewell,
} from './xmpp-stream.ts';

/** XMPP between client and server (RFC 6120) with STARTTLS. */
export const xmpp: Protocol = {
  name: 'xmpp',
  port: 5222,
  implicitPort: 5223,
  alpn: ['xmpp-client'],
  speaksFirst: 'client',
  specifications: ['RFC 6120', 'RFC 7590', 'XEP-0368'],
  server: (client, scene) => xmppDialogue(client, scene, 'jabber:client'),
  proxy: (client, upstream, scene) => xmppDialogue(client, scene, 'jabber:client', upstream),
  probe: (server, scene) => xmppProbe(server, scene, 'jabber:client'),
  farewell: (error, scene, client) => xmppFarewell(error, scene, 'jabber:client', client),
  audit: xmppAudit(scene => clientHeader(scene, 'jabber:client')),
};

/**
 * Under TLS it is the client that opens the new stream (RFC 6120 section 5.4.3.3), with us, the application or the
 * upstream, whose features then have our offer of TLS in place of its own.
 */
export function* xmppDialogue(client: Peer, scene: Scene, content: Content, upstream?: Peer): Dialogue {
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const service = mayHandOver(client, scene) ? upstream : undefined;
  const stream = yield* openStream(client, scene, content, service);
  if (stream === undefined) return 'close';
  if (service === undefined) client.write(features(client, scene));
  else if ((yield* passStream(client, service, stream, offer(client, scene))) === 'other') return 'handOver';
  for (;;) {
    const markup = yield* readElement(client);
    if (markup.kind === 'restricted') return closeWith(client, streamError('restricted-xml'));
    if (markup.kind === 'end' && markup.name === stream.name) return closeWith(client, '</stream:stream>');
    if (markup.kind !== 'start') throw new SallyportError('ERR_BAD_SYNTAX', 'not an element');
    const name = localName(markup.name);
    if (name === 'starttls') {
      const wellSaid = yield* isStartTls(client, markup, stream);
      if (!wellSaid || !mayUpgrade(client, scene)) {
        return closeWith(client, `<failure xmlns='${TLS}'/></stream:stream>`);
      }
      const servername = stream.attributes.get('to');
      return yield* client.startTls(`<proceed xmlns='${TLS}'/>`, { skipWhitespace: true, servername });
    }
    if (mayHandOver(client, scene)) {
      client.unread(markup.text);
      return 'handOver';
    }
    const login = name === 'auth' && namespaceOf(markup, stream) === SASL;
    if (!login) return closeWith(client, refusal(client, scene));
    if ((yield* readContent(client, markup)) === undefined) {
      return closeWith(client, streamError('bad-format'));
    }
    const reason = needsTls(client, scene) ? 'encryption-required' : 'temporary-auth-failure';
    client.reject(`<failure xmlns='${SASL}'><${reason}/></failure>`);
  }
}

/**
 * Reads the client's stream header and answers with ours, or leaves that to the upstream. Where theirs is none, an
 * error follows, and the result is `undefined`: an error must stand in a stream (RFC 6120 section 4.9.1.2).
 */
function* openStream(
  client: Peer,
  scene: Scene,
  content: Content,
  upstream: Peer | undefined,
): Step<Tag | undefined> {
  const read = yield* readHeader(client);
  const stream = typeof read === 'string' ? undefined : read;
  const fault = stream === undefined ? String(read) : faultOf(stream, content);
  if (fault === undefined) client.introduction = stream === undefined ? undefined : introductionOf(stream);
  if (fault === undefined && upstream !== undefined) return stream;
  client.write(streamHeader(scene, content, stream));
  client.progress = 1;
  if (fault === undefined) return stream;
  client.write(streamError(fault));
  return undefined;
}

/** The first tag, the XML declaration skipped; or the condition of an error. */
function* readHeader(client: Peer): Step<Tag | string> {
  let markup = yield* readElement(client);
  if (markup.kind === 'declaration') {
    const { attributes } = markup;
    if (!/^UTF-8$/i.test(attributes.get('encoding') ?? 'UTF-8')) return 'unsupported-encoding';
    if (attributes.get('version') !== '1.0') return 'not-well-formed';
    markup = yield* readElement(client);
  }
  if (markup.kind === 'restricted') return 'restricted-xml';
  return markup.kind === 'start' ? markup : 'not-well-formed';
}

/** RFC 6120 sections 4.7.5 and 4.8; a stream without a version is older than STARTTLS. */
function faultOf(header: Tag, content: Content): string | undefined {
  const { name, attributes, empty } = header;
  if (localName(name) !== 'stream' || empty) return 'bad-format';
  if (namespaceOf(header) !== STREAM) return 'invalid-namespace';
  if (name !== 'stream:stream') return 'bad-namespace-prefix';
  if (attributes.get('xmlns') !== content) return 'invalid-namespace';
  return /^[1-9][0-9]*\.[0-9]+$/.test(attributes.get('version') ?? '') ? undefined : 'unsupported-version';
}

function introductionOf({ attributes }: Tag): string {
  const given = [...attributes].filter(([name]) => /^(to|from)$/.test(name));
  return given.map(([name, value]) => `${name}='${value.replaceAll("'", '&apos;')}'`).join(' ');
}

/**
 * s_client wants `xmlns` as the first attribute of `starttls`, behind one blank. Where TLS is required, that is
 * the only feature (RFC 6120 section 5.3.1); ways to log in are listed only where a login would be taken.
 */
function features(client: Peer, scene: Scene): string {
  const names = mayHandOver(client, scene) ? scene.capabilities : [];
  const listed = names.map(name => `<mechanism>${escapeXml(name)}</mechanism>`).join('');
  const mechanisms = listed === '' ? '' : `<mechanisms xmlns='${SASL}'>${listed}</mechanisms>`;
  return `<stream:features>${offer(client, scene)}${mechanisms}</stream:features>`;
}

function offer(client: Peer, scene: Scene): string {
  const required = needsTls(client, scene) ? '<required/>' : '';
  return mayUpgrade(client, scene) ? `<starttls xmlns='${TLS}'>${required}</starttls>` : '';
}

function* isStartTls(client: Peer, tag: Tag, stream: Tag): Step<boolean> {
  const content = yield* readContent(client, tag);
  return namespaceOf(tag, stream) === TLS && content !== undefined && /^[ \t\r\n]*$/.test(content);
}

/** No condition says that a service is missing (RFC 6120 section 4.9.3), so words do. */
function refusal(client: Peer, scene: Scene): string {
  if (needsTls(client, scene)) return streamError('policy-violation');
  return streamError('undefined-condition', 'No XMPP service behind this server');
}

function closeWith(client: Peer, words: string): 'close' {
  client.write(words);
  return 'close';
}

/** What opens a stream to a server. */
export function clientHeader(scene: Scene, content: Content): string {
  const to = escapeXml(scene.servername ?? scene.hostname);
  return `${DECLARATION}<stream:stream xmlns='${content}' xmlns:stream='${STREAM}' to='${to}' version='1.0'>`;
}

/** The client of both protocols, up to the features under TLS. */
export function* xmppProbe(plain: Peer, scene: Scene, content: Content): Dialogue {
  const header = clientHeader(scene, content);
  plain.write(header);
  if (!(yield* readFeatures(plain))) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write(`<starttls xmlns='${TLS}'/>`);
  const { markup } = yield* readMarkup(plain);
  if (markup.kind !== 'start' || localName(markup.name) !== 'proceed' || namespaceOf(markup) !== TLS) {
    throw new SallyportError('ERR_TLS_REFUSED');
  }
  if ((yield* readContent(plain, markup)) !== '') throw new SallyportError('ERR_UNEXPECTED_REPLY', 'proceed');
  const secure = yield* plain.connectTls();
  secure.write(header);
  yield* readFeatures(secure);
  return 'handOver';
}
