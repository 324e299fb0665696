import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { Inbox } from '../wire/inbox.ts';

export interface LinesOptions {
  /** Bytes of a line, its end included. Default 8192. */
  readonly limit?: number;
  /** Whether a line must end in CRLF, as in a mail (CVE-2023-51764). Default `false`: LF is taken, too. */
  readonly strict?: boolean;
}

const DEFAULT_LIMIT = 8192;

/**
 * The stream's lines, as latin1 and without their ends. Throws ERR_LINE_TOO_LONG past `limit` bytes and
 * ERR_BAD_LINE for a bare CR or a NUL, with `strict` for a bare LF. A line that is cut off by the end of the stream is not given: it was
 * never finished. Leaving the loop early leaves the stream open, with what is unread in front.
 */
export async function* linesOf(
  stream: Duplex,
  { limit = DEFAULT_LIMIT, strict = false }: LinesOptions = {},
): AsyncGenerator<string, void> {
  const inbox = new Inbox();
  try {
    // Node's own iterator would destroy the socket when the loop is left.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      inbox.append(chunk);
      const next = () => inbox.line(limit, { strict });
      for (let line = next(); line !== undefined; line = next()) yield line;
    }
  } finally {
    if (inbox.length > 0 && !stream.destroyed && !stream.readableEnded)
      stream.unshift(Buffer.from(inbox.take()));
  }
}
