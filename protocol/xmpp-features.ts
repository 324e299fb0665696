import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';
import { localName, type Markup, namespaceOf, type Tag } from '../src/wire/xml.ts';
import { DECLARATION, readMarkup, STREAM, TLS } from './xmpp-stream.ts';

const MAX_TAGS = 256;

/**
 * Opens the client's stream at the upstream, and the upstream's at the client, up to its features, with `offer` in
 * place of its own offer of TLS. What is no list of features, most likely an error, is passed on; the result tells.
 * Throws ERR_UPSTREAM_REPLY.
 */
export function* passStream(
  client: Peer,
  upstream: Peer,
  header: Tag,
  offer: string,
): Step<'features' | 'other'> {
  upstream.write(`${DECLARATION}${header.text}`);
  const stream = yield* fromUpstream(expectTag(upstream, 'stream'));
  client.write(`${DECLARATION}${stream.text}`);
  client.progress = 1;
  const { markup } = yield* fromUpstream(readMarkup(upstream));
  if (!isOfStream(markup, 'features', stream)) {
    client.write(markup.text);
    return 'other';
  }
  const { others } = yield* fromUpstream(readList(upstream, markup, stream));
  const open = markup.empty ? `${markup.text.slice(0, -2)}>` : markup.text;
  client.write(`${open}${offer}${others}</${markup.name}>`);
  return 'features';
}

/**
 * Reads a server's stream header and its features; tells whether TLS is one of them. Under TLS an error is an answer as
 * well: a server tells one without a certificate so that it is not welcome (RFC 6120 section 13.7.2).
 */
export function* readFeatures(server: Peer): Step<boolean> {
  const stream = yield* expectTag(server, 'stream');
  const { markup } = yield* readMarkup(server);
  if (server.secure && isOfStream(markup, 'error', stream)) return false;
  if (!isOfStream(markup, 'features', stream))
    throw new SallyportError('ERR_UNEXPECTED_REPLY', 'no features');
  return (yield* readList(server, markup, stream)).offersTls;
}

/** What is in a list of features: whether TLS is offered, and the others as they came. */
function* readList(
  server: Peer,
  list: Tag,
  stream: Tag,
): Step<{ readonly offersTls: boolean; readonly others: string }> {
  let others = '';
  let offersTls = false;
  let inStartTls = false;
  let depth = list.empty ? 0 : 1;
  for (let count = 0; depth > 0 && count < MAX_TAGS; count++) {
    const { before, markup } = yield* readMarkup(server);
    if (markup.kind === 'end') depth -= 1;
    else if (markup.kind !== 'start') break;
    else if (depth === 1)
      inStartTls = localName(markup.name) === 'starttls' && namespaceOf(markup, stream) === TLS;
    offersTls ||= inStartTls;
    if (depth > 0 && !inStartTls) others += `${before}${markup.text}`;
    if (markup.kind === 'start' && !markup.empty) depth += 1;
    else if (depth === 1) inStartTls = false;
  }
  if (depth > 0) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'features do not end');
  return { offersTls, others };
}

/** The next tag, the XML declaration skipped, which must be one of a stream's own. */
function* expectTag(server: Peer, name: string): Step<Tag> {
  let { markup } = yield* readMarkup(server);
  if (markup.kind === 'declaration') markup = (yield* readMarkup(server)).markup;
  if (isOfStream(markup, name)) return markup;
  throw new SallyportError('ERR_UNEXPECTED_REPLY', `no ${name}`);
}

function isOfStream(markup: Markup, name: string, stream?: Tag): markup is Tag {
  return markup.kind === 'start' && localName(markup.name) === name && namespaceOf(markup, stream) === STREAM;
}
