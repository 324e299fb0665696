import { SallyportError } from '../errors.ts';
import type { Peer, Step } from './peer.ts';

/** A three-digit reply (RFC 5321 section 4.2, RFC 959 section 4.2). */
export interface Reply {
  readonly code: number;
  /** The text of each line, without code and separator. */
  readonly lines: readonly string[];
}

const MAX_LINES = 128;
const LINE_LIMIT = 2048;

/** Writes a reply of one or more lines: `250-first`, `250-second`, `250 last`. */
export function reply(code: number, ...lines: readonly string[]): string {
  if (lines.length === 1) return `${code} ${lines[0]}\r\n`;
  return lines.map((line, index) => `${code}${index < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('');
}

/**
 * Reads a reply, up to the line with a space behind its code. FTP's inner lines may begin with anything
 * (RFC 959 section 4.2). Throws ERR_UNEXPECTED_REPLY for what is no reply, or one of over 128 lines.
 */
export function* readReply(server: Peer): Step<Reply> {
  const lines: string[] = [];
  let code: string | undefined;
  while (lines.length < MAX_LINES) {
    const line = yield* server.line(LINE_LIMIT);
    code ??= /^[1-5]\d\d(?=[- ]|$)/.exec(line)?.[0];
    if (code === undefined) throw new SallyportError('ERR_UNEXPECTED_REPLY');
    const own = line.startsWith(code);
    lines.push(own ? line.slice(4) : line);
    if (own && line[3] !== '-') return { code: Number(code), lines };
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY');
}

/** Reads a reply and insists on its code. Throws `otherwise` with any other. */
export function* expectReply(
  server: Peer,
  code: number,
  otherwise: 'ERR_UNEXPECTED_REPLY' | 'ERR_TLS_REFUSED' = 'ERR_UNEXPECTED_REPLY',
): Step<Reply> {
  const reply = yield* readReply(server);
  if (reply.code !== code) throw new SallyportError(otherwise, `${reply.code} instead of ${code}`);
  return reply;
}
