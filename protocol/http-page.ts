import type { Peer } from '../src/dialogue/peer.ts';
import { listTlsFacts } from '../src/dialogue/tls-facts.ts';
import { listOf, placeOf, type Request, trimmed } from './http-request.ts';
import { plain, type Response } from './http-response.ts';
import { STYLE, STYLE_HASH } from './http-style.ts';

/** What a connection is made of, from the first byte on. */
interface Layer {
  readonly name: string;
  readonly note: string;
  readonly kind: 'transport' | 'plain' | 'secure';
}

/** The one page that there is without an application: it shows its reader what was negotiated. */
export function pageFor(client: Peer, request: Request): Response {
  const { method } = request;
  if (method === 'OPTIONS') return { status: 204, fields: { Allow: METHODS } };
  if (/^(POST|PUT|DELETE|PATCH|CONNECT|TRACE)$/.test(method)) {
    return { ...plain(405, `there is ${METHODS} here`), fields: { Allow: METHODS } };
  }
  if (!/^(GET|HEAD)$/.test(method)) return plain(501, 'no such method here');
  const { path } = placeOf(request);
  if (path !== '/' && !path.startsWith('/?')) return plain(404, 'there is one page here, /');
  const text = prefersText(request);
  return {
    status: 200,
    fields: { Vary: 'Accept', ...(text ? {} : FOR_BROWSERS) },
    content: text
      ? { type: 'text/plain; charset=utf-8', text: asText(client) }
      : { type: 'text/html; charset=utf-8', text: asHtml(client) },
  };
}

const METHODS = 'GET, HEAD, OPTIONS';

/** Everything is forbidden but our own style and icon. */
const FOR_BROWSERS = {
  'Content-Security-Policy':
    `default-src 'none'; style-src '${STYLE_HASH}'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

/** RFC 9110 section 12.5.1; what is equally welcome is HTML. */
function prefersText(request: Request): boolean {
  return quality(request, 'text/plain') > quality(request, 'text/html');
}

function quality(request: Request, type: string): number {
  let [best, specific] = [request.fields.has('accept') ? 0 : 1, -1];
  for (const range of listOf(request, 'accept')) {
    const [name = '', ...parameters] = range.toLowerCase().split(';').map(trimmed);
    const rank = ['*/*', 'text/*', type].indexOf(name);
    if (rank <= specific) continue;
    specific = rank;
    const weight = parameters.find(parameter => /^q=[01](\.\d{0,3})?$/.test(parameter));
    best = weight === undefined ? 1 : Number(weight.slice(2));
  }
  return best;
}

function layersOf({ tls, upgraded }: Peer): readonly Layer[] {
  const tcp: Layer = { name: 'TCP', note: 'connected', kind: 'transport' };
  if (tls === undefined) return [tcp, { name: 'HTTP/1.1', note: 'in plaintext', kind: 'plain' }];
  const version = tls.version.replace('TLSv', 'TLS ');
  const secure: Layer = { name: version, note: tls.resumed ? 'resumed' : 'new session', kind: 'secure' };
  const page: Layer = { name: 'HTTP/1.1', note: 'this page', kind: 'secure' };
  if (!upgraded) return [tcp, secure, page];
  const asked: Layer = { name: 'HTTP/1.1', note: 'asks for TLS', kind: 'plain' };
  return [tcp, asked, { name: '101', note: 'Switching Protocols', kind: 'plain' }, secure, page];
}

function headlineOf({ tls, upgraded }: Peer): readonly [title: string, why: string] {
  if (tls === undefined)
    return ['Not encrypted', 'What you read here came in plaintext, and anybody may have changed it.'];
  if (upgraded)
    return ['Upgraded in-band', 'The connection began in plaintext, and was turned to TLS by RFC 2817.'];
  return ['Encrypted', 'The connection was TLS from the first byte.'];
}

function asText(client: Peer): string {
  const layers = layersOf(client).map(({ name, note }) => `${name} (${note})`);
  const facts = factsOf(client).map(([name, value]) => `${`${name}:`.padEnd(20)} ${value}\n`);
  return `${headlineOf(client).join('. ')}\n\n${layers.join(' > ')}\n\n${facts.join('')}`;
}

function factsOf({ tls }: Peer): readonly (readonly [name: string, value: string])[] {
  return tls === undefined ? [] : listTlsFacts(tls);
}

function asHtml(client: Peer): string {
  const [title, why] = headlineOf(client);
  const layers = layersOf(client).map(
    ({ name, note, kind }) =>
      `<li class="${kind}"><b>${escapeHtml(name)}</b> <span>${escapeHtml(note)}</span></li>`,
  );
  const facts = factsOf(client).map(
    ([name, value]) => `<div><dt>${name}</dt><dd>${breakable(value)}</dd></div>\n`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - Sallyport</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<main${client.secure ? ' class="secure"' : ''}>
<header>
<p>Sallyport</p>
<h1>${title}</h1>
<p>${why}</p>
</header>
<ol aria-label="How the connection came to be">
${layers.join('\n')}
</ol>
${facts.length === 0 ? '' : `<dl>\n${facts.join('')}</dl>\n`}<footer>
<p>No application is behind this server. The same as text: <code>Accept: text/plain</code>.</p>
</footer>
</main>
</body>
</html>
`;
}

/** A gate. */
const ICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22%3E' +
  '%3Cpath fill=%22%231f8a5b%22 d=%22M1 15V7a7 7 0 0 1 14 0v8h-4V8a3 3 0 0 0-6 0v7z%22/%3E%3C/svg%3E';

/** A fingerprint is broken between two bytes. */
function breakable(value: string): string {
  return escapeHtml(value).replace(/\b[\dA-F]{2}:(?=[\dA-F]{2}\b)/g, '$&<wbr>');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
