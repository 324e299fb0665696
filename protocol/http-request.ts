import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';
import { plainResponse } from './http-response.ts';

/** The head of a request (RFC 9112 section 2.1), checked. */
export interface Request {
  readonly method: string;
  /** As it came: a path, an absolute URI, `*` or, for CONNECT, an authority. */
  readonly target: string;
  /** HTTP/1.0: no Upgrade, and one request a connection. */
  readonly old: boolean;
  /** By their names in small letters; several of one name as a list. */
  readonly fields: ReadonlyMap<string, string>;
  /** The request line and the fields as they came, without line ends. */
  readonly lines: readonly string[];
  /** Whether content follows the head. */
  readonly hasContent: boolean;
}

/** Bytes of a line, its end included; RFC 9112 section 3 asks for at least 8000. */
const LINE_LIMIT = 8192;

/** Bytes of all lines together, and how many fields: as in Apache. */
const HEAD_LIMIT = 32_768;
const MAX_FIELDS = 100;

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]";
const REQUEST_LINE = new RegExp(`^(${TOKEN}{1,64}) ([\\x21-\\x7e]+) HTTP/(\\d)\\.(\\d)$`);
// No blank before the colon, and no line that goes on in the next one: both are how smuggling begins.
const FIELD = new RegExp(`^(${TOKEN}+):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const HOST = /^(?:(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{0,5})?)?$/i;

/** Fields that frame a request or say whom it is for: a second one is a second opinion. */
const SINGLE: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);

/**
 * Reads the head of a request. What cannot be one is answered, and ends the dialogue: where the next request would
 * begin is not known. Throws ERR_BAD_SYNTAX, ERR_LINE_TOO_LONG, and what `Peer.line` throws.
 */
export function* readRequest(client: Peer): Step<Request> {
  yield* client.begin();
  let first = yield* readLine(client, 414);
  // RFC 9112 section 2.2: one empty line, as old clients send behind content.
  if (first === '') {
    yield* client.begin();
    first = yield* readLine(client, 414);
  }
  const [, method = '', target = '', major, minor] = REQUEST_LINE.exec(first) ?? [];
  if (major === undefined) refuse(client, 400, 'not a request line');
  if (major !== '1') refuse(client, 505, 'HTTP/1.1 is spoken here');
  if (!isTarget(method, target)) refuse(client, 400, 'not a request target');
  const { fields, lines } = yield* readFields(client, first);
  const old = minor === '0';
  const host = fields.get('host');
  if (host === undefined ? !old : !HOST.test(host)) refuse(client, 400, 'Host is missing or wrong');
  return { method, target, old, fields, lines, hasContent: checkFraming(client, fields, { old }) };
}

function* readFields(client: Peer, first: string): Step<Pick<Request, 'fields' | 'lines'>> {
  const fields = new Map<string, string>();
  const lines = [first];
  let size = first.length;
  for (;;) {
    const line = yield* readLine(client, 431);
    if (line === '') return { fields, lines };
    size += line.length + 2;
    if (size > HEAD_LIMIT || lines.length > MAX_FIELDS) {
      refuse(client, 431, 'too many fields', 'ERR_LINE_TOO_LONG');
    }
    const [, name = '', text = ''] = FIELD.exec(line) ?? refuse(client, 400, 'not a field line');
    const key = name.toLowerCase();
    const earlier = fields.get(key);
    if (earlier !== undefined && SINGLE.has(key)) refuse(client, 400, 'a field comes twice');
    const value = trimmed(text);
    fields.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
    lines.push(line);
  }
}

/** RFC 9112 section 6.3: two readers that disagree about where a request ends are one too many. */
function checkFraming(client: Peer, fields: Request['fields'], { old }: { readonly old: boolean }): boolean {
  const length = fields.get('content-length');
  const coding = fields.get('transfer-encoding');
  if (length !== undefined && !/^\d{1,15}$/.test(length)) refuse(client, 400, 'not a Content-Length');
  if (coding === undefined) return length !== undefined && Number(length) > 0;
  if (length !== undefined) refuse(client, 400, 'both Content-Length and Transfer-Encoding');
  if (old || !/(^|[,\s])chunked$/i.test(coding)) refuse(client, 400, 'content without an end');
  if (coding.toLowerCase() !== 'chunked') refuse(client, 501, 'chunked is the only transfer coding here');
  return true;
}

function isTarget(method: string, target: string): boolean {
  if (method === 'CONNECT') return /^[^/?#@]+:\d+$/.test(target);
  if (target === '*') return method === 'OPTIONS';
  const authority = /^https?:\/\/([^/?#]+)/i.exec(target)?.[1];
  // As strict as Host, whose place it takes: also against a user's name in front of it (RFC 9110 section 4.2.4).
  return target.startsWith('/') || (authority !== undefined && HOST.test(authority));
}

/** Nothing but a too long line is known here of what was too long. */
function* readLine(client: Peer, tooLong: 414 | 431): Step<string> {
  try {
    return yield* client.line(LINE_LIMIT);
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'ERR_LINE_TOO_LONG') {
      client.write(plainResponse(tooLong));
    }
    throw error;
  }
}

/** Said here and not as a farewell: only here is it known what is wrong. */
function refuse(
  client: Peer,
  status: number,
  detail: string,
  code: 'ERR_BAD_SYNTAX' | 'ERR_LINE_TOO_LONG' = 'ERR_BAD_SYNTAX',
): never {
  client.write(plainResponse(status, detail));
  throw new SallyportError(code, detail);
}

/** Only blanks and tabs are white space: `trim` would take a no-break space, too. Linear, as no pattern for it is. */
export function trimmed(text: string): string {
  let begin = 0;
  let end = text.length;
  while (text[begin] === ' ' || text[begin] === '\t') begin += 1;
  while (end > begin && (text[end - 1] === ' ' || text[end - 1] === '\t')) end -= 1;
  return text.slice(begin, end);
}

/** The members of a list (RFC 9110 section 5.6.1). */
export function listOf(request: Request, field: string): readonly string[] {
  return (request.fields.get(field) ?? '').split(',').map(trimmed);
}

/** Whether a member of a list is there, in whatever case. */
export function lists(request: Request, field: string, member: string): boolean {
  return listOf(request, field).some(each => each.toLowerCase() === member);
}

/** A head as bytes, with CRLF, for whoever reads it next. */
export function headOf(lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Host and path of what is asked for; an absolute URI has both (RFC 9112 section 3.2.2). */
export function placeOf({ target, fields }: Request): { readonly host: string; readonly path: string } {
  const [, host = fields.get('host') ?? '', path = target] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? [];
  return { host, path: path === '' || path.startsWith('?') ? `/${path}` : path };
}
