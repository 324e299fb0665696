import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import { mayHandOver, mayUpgrade, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { httpAudit } from './http-audit.ts';
import { pageFor } from './http-page.ts';
import { httpProbe } from './http-probe.ts';
import { headOf, listOf, lists, placeOf, type Request, readRequest } from './http-request.ts';
import { plain, plainResponse, type Response, responseText, switching } from './http-response.ts';

/** HTTP/1.1 (RFC 9112) with the upgrade to TLS within it (RFC 2817). */
export const http: Protocol = {
  name: 'http',
  port: 80,
  implicitPort: 443,
  alpn: ['http/1.1'],
  speaksFirst: 'client',
  repliesUnderTls: true,
  tryInBand: 'lpstat -E -h {address} -r',
  usualPolicy: 'auto',
  specifications: ['RFC 2817', 'RFC 9110', 'RFC 9112', 'RFC 6585'],
  server: httpServer,
  proxy: (client, upstream, scene) => httpServer(client, scene, upstream),
  probe: httpProbe,
  farewell: httpFarewell,
  audit: httpAudit,
};

/**
 * Under TLS the first request of a connection that was upgraded is the one that asked for it. With an upstream, the
 * first request that it may have is the last one that is read here.
 */
function* httpServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (client.upgraded) yield* checkCarried(client);
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  while (yield* isAnotherBegun(client)) {
    const request = yield* readRequest(client);
    const token = mayUpgrade(client, scene) ? tlsToken(request) : undefined;
    if (token !== undefined) {
      const carry = headOf(withoutUpgrade(request));
      return yield* client.startTls(switching(token), { carry, servername: nameOf(request) });
    }
    if (mayHandOver(client, scene)) {
      // What asks for TLS is answered here, or ignored; it is not for the upstream.
      const asks = upstream !== undefined && tlsTokens(request).length > 0;
      client.unread(headOf(asks ? withoutUpgrade(request) : request.lines));
      return 'handOver';
    }
    // What content there is would have to be read, to find the next request: that is not worth it here.
    const close = request.old || request.hasContent || lists(request, 'connection', 'close');
    const how = { head: request.method === 'HEAD', close };
    if (needsTls(client, scene)) client.reject(responseText(refusal(scene, request), how));
    else
      client.write(responseText({ ...pageFor(client, request), offersTls: mayUpgrade(client, scene) }, how));
    if (close) return 'close';
  }
  return 'close';
}

/** RFC 9112 section 9.5: between two requests a client may leave, and need not say so. */
function* isAnotherBegun(client: Peer): Step<boolean> {
  try {
    yield* client.begin();
    return true;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'ERR_PEER_CLOSED') return false;
    throw error;
  }
}

/**
 * A client that agrees on ALPN most likely began with TLS, as browsers do: somebody in the middle would have put the
 * request in front of it, whose response it then takes for that to its own first one. `OPTIONS *` has no content.
 */
function* checkCarried(client: Peer): Step<void> {
  const request = yield* readRequest(client);
  if (client.tls?.alpn !== undefined && request.target !== '*') {
    throw new SallyportError('ERR_SPLICED_REQUEST');
  }
  client.unread(headOf(request.lines));
}

/**
 * The token to switch to, if the request asks for TLS and may be the one that is answered under it: nobody vouches
 * for who sent it, so it must be safe (RFC 9110 section 9.2.1); content could not be told from what is injected.
 * Only a token that the client listed may be chosen (section 7.8). The handshake decides on the version.
 */
function tlsToken(request: Request): string | undefined {
  if (request.old || request.hasContent || !/^(GET|HEAD|OPTIONS)$/.test(request.method)) return undefined;
  if (!lists(request, 'connection', 'upgrade')) return undefined;
  return tlsTokens(request).sort().at(-1);
}

function tlsTokens(request: Request): string[] {
  const tokens = listOf(request, 'upgrade').map(token => token.toUpperCase());
  return tokens.filter(token => /^TLS\/1\.\d$/.test(token));
}

/** A host name, without its port; an address names no certificate. */
function nameOf(request: Request): string | undefined {
  return /^([\w-][\w.-]*?)\.?(?::\d*)?$/.exec(placeOf(request).host)?.[1];
}

/** Upgrade has done its work, and is not for whoever reads the request next (RFC 9110 section 7.6.1). */
function withoutUpgrade({ lines }: Request): readonly string[] {
  return lines.flatMap((line, index) => {
    if (index === 0 || !/^(upgrade|connection):/i.test(line)) return [line];
    const options = line.replace(/^connection:/i, '').split(',');
    const kept = options.map(option => option.trim()).filter(option => option.toLowerCase() !== 'upgrade');
    return /^connection/i.test(line) && kept.length > 0 ? [`Connection: ${kept.join(', ')}`] : [];
  });
}

function refusal(scene: Scene, request: Request): Response {
  if (!scene.available()) {
    return { ...plain(503, 'TLS is required, and not available for now'), fields: { 'Retry-After': '60' } };
  }
  if (scene.takesImplicit && /^(GET|HEAD)$/.test(request.method)) {
    const { host, path } = placeOf(request);
    const location = `https://${withPort(host === '' ? scene.hostname : host)}${path}`;
    return { ...plain(308, 'this port takes https as well'), fields: { Location: location } };
  }
  const detail =
    'TLS is required: say OPTIONS * with "Upgrade: TLS/1.2" and "Connection: Upgrade" (RFC 2817)';
  return { ...plain(426, detail), offersTls: true };
}

/** Without a port the client came to ours for plaintext, which is not that of https. */
function withPort(host: string): string {
  return /:\d+$/.test(host) ? host : `${host.replace(/:$/, '')}:${http.port}`;
}

/**
 * What was refused has been answered already; behind a hand-over, and where no request is awaited, a response would
 * be taken for another's.
 */
const SILENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PEER_CLOSED',
  'ERR_CLIENT_HELLO',
  'ERR_BAD_SYNTAX',
  'ERR_LINE_TOO_LONG',
  'ERR_BAD_COMMANDS',
  'ERR_SPLICED_REQUEST',
  'ERR_IDLE_TIMEOUT',
  'ERR_APPLICATION',
]);

const STATUSES: { readonly [code in ErrorCode]?: number } = {
  ERR_COMMAND_TIMEOUT: 408,
  ERR_DIALOGUE_TIMEOUT: 408,
  ERR_TOO_MANY_FROM_ADDRESS: 429,
  ERR_CONNECTION_RATE: 429,
  ERR_HANDSHAKE_RATE: 429,
  ERR_TOO_MANY_CONNECTIONS: 503,
  ERR_SHUTTING_DOWN: 503,
  ERR_UPSTREAM_UNREACHABLE: 502,
  ERR_UPSTREAM_CLOSED: 502,
  ERR_UPSTREAM_REPLY: 502,
  ERR_UPSTREAM_TIMEOUT: 504,
};

function httpFarewell({ code, blame, summary }: SallyportError): string | undefined {
  if (SILENT.has(code)) return undefined;
  return plainResponse(STATUSES[code] ?? (blame === 'peer' ? 400 : 500), summary);
}
