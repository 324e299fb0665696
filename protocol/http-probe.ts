import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import type { Scene } from '../src/dialogue/protocol.ts';
import { SallyportError } from '../src/errors.ts';

/** A response's head (RFC 9112 section 4), as far as a client that asks for TLS needs it. */
interface Head {
  readonly status: number;
  /** By their names in small letters; the last one of each. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * Up to the end of the response under TLS, which is that to the request for it: what is left of it would be taken for
 * the response to the next request. mod_ssl of Apache knows no token but TLS/1.0, so all are listed.
 */
export function* httpProbe(plain: Peer, { hostname, servername = hostname }: Scene): Dialogue {
  const host = servername.includes(':') ? `[${servername}]` : servername;
  const asked = 'Upgrade: TLS/1.3, TLS/1.2, TLS/1.1, TLS/1.0\r\nConnection: Upgrade\r\n';
  plain.write(`OPTIONS * HTTP/1.1\r\nHost: ${host}\r\n${asked}\r\n`);
  const { status, fields } = yield* readHead(plain);
  const upgrade = fields.get('upgrade') ?? '';
  if (status !== 101) throw new SallyportError(upgrade === '' ? 'ERR_TLS_NOT_OFFERED' : 'ERR_TLS_REFUSED');
  if (!/^TLS\/1\.\d(,|$)/i.test(upgrade)) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not to TLS');
  const secure = yield* plain.connectTls();
  yield* skipContent(secure, yield* readHead(secure));
  return 'handOver';
}

const MAX_LINES = 128;

/** Reads the head of a response, interim ones skipped. */
function* readHead(server: Peer): Step<Head> {
  let status = 0;
  const fields = new Map<string, string>();
  for (let count = 0; count < MAX_LINES; count++) {
    const line = yield* server.line();
    if (status === 0) status = Number(/^HTTP\/1\.\d ([1-5]\d\d)( |$)/.exec(line)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not a status line');
    if (line !== '') {
      const [, name = '', value = ''] = /^([\w-]+):\s*(\S.*)$/.exec(line) ?? [];
      fields.set(name.toLowerCase(), value);
    } else if (status >= 200 || status === 101) return { status, fields };
    else {
      status = 0;
      fields.clear();
    }
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'head has too many lines');
}

/** Bytes of a response's content; OPTIONS needs none. */
const CONTENT_LIMIT = 16_384;

/** RFC 9112 section 6.3; what ends with the connection leaves none to be used. */
function* skipContent(server: Peer, { status, fields }: Head): Step<void> {
  if (status === 204 || status === 304) return;
  if (/(^|[,\s])chunked\s*$/i.test(fields.get('transfer-encoding') ?? '')) return yield* skipChunks(server);
  const length = fields.get('content-length');
  if (length === undefined || !/^\d{1,15}\s*$/.test(length) || fields.has('transfer-encoding')) {
    throw new SallyportError('ERR_UNEXPECTED_REPLY', 'content without an end');
  }
  yield* skip(server, Number(length));
}

/** RFC 9112 section 7.1: each with its size in front, the last one without content, then trailer fields. */
function* skipChunks(server: Peer): Step<void> {
  let left = CONTENT_LIMIT;
  for (let count = 0; count < MAX_LINES; count++) {
    const digits = /^([\da-f]{1,8})\s*(;|$)/i.exec(yield* server.line())?.[1];
    if (digits === undefined) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not a chunk');
    const size = Number.parseInt(digits, 16);
    if (size === 0) {
      yield* readTrailer(server);
      return;
    }
    left -= size;
    if (left < 0) break;
    yield* skip(server, size);
    yield* server.line();
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'too much content');
}

function* readTrailer(server: Peer): Step<void> {
  for (let count = 0; count < MAX_LINES; count++) if ((yield* server.line()) === '') return;
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'trailer has too many lines');
}

function* skip(server: Peer, size: number): Step<void> {
  if (size > CONTENT_LIMIT) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'too much content');
  yield* server.bytes(size);
}
