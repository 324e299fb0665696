import type { HttpRequest, HttpResponse } from '../net/http-listener.ts';
import type { Access } from './access.ts';
import type { Snapshot, SnapshotRequest } from './figures.ts';
import { exposition } from './merge.ts';
import { pageFile } from './page-files.ts';
import { statusOf } from './status.ts';

/** What the routes tell of. */
export interface Told {
  readonly access: Access;
  readonly version: string;
  /** Whether new connections are welcome; not while the servers are draining. */
  ready(): boolean;
  /** The figures of every process. */
  snapshots(request: SnapshotRequest): Promise<readonly Snapshot[]>;
}

/** Sent with every response: nothing is kept, framed, sniffed or fetched from elsewhere. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

const TEXT = 'text/plain; charset=utf-8';

/** Answers one request. The page and the health checks hold no figure, and need no token. */
export async function answer(request: HttpRequest, told: Told): Promise<HttpResponse> {
  const { method, path } = request;
  if (!told.access.isForUs(request.headers))
    return plain(421, 'Misdirected request: ask by an address, or localhost');
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Method not allowed', { Allow: 'GET, HEAD' });
  if (path === '/healthz') return plain(200, 'ok');
  if (path === '/readyz') return told.ready() ? plain(200, 'ready') : plain(503, 'not ready');
  const file = pageFile(path);
  if (file !== undefined) return response(200, file.type, file.text);
  if (path !== '/metrics' && path !== '/status.json') return plain(404, 'Not found');
  if (!told.access.permits(request.headers)) {
    return plain(401, 'Unauthorized', { 'WWW-Authenticate': 'Bearer realm="sallyport"' });
  }
  return path === '/metrics' ? metrics(told) : status(request, told);
}

async function metrics(told: Told): Promise<HttpResponse> {
  const text = await exposition(await told.snapshots({ since: Number.POSITIVE_INFINITY, process: true }));
  return response(200, 'text/plain; version=0.0.4; charset=utf-8', text);
}

async function status({ query }: HttpRequest, told: Told): Promise<HttpResponse> {
  const since = Number(query.get('since') ?? 0);
  const snapshots = await told.snapshots({ since: Number.isFinite(since) ? since : 0 });
  const body = await statusOf(snapshots, { version: told.version, ready: told.ready() });
  return response(200, 'application/json', `${JSON.stringify(body)}\n`);
}

function plain(code: number, words: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return response(code, TEXT, `${words}\n`, headers);
}

function response(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { ...HEADERS, 'Content-Type': type, ...headers }, body };
}
