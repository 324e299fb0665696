import { SallyportError } from '../errors.ts';
import type { Peer, Step } from './peer.ts';

const LINE_LIMIT = 512;
const MAX_LINES = 128;

/** Writes lines, and the dot that ends them; a line that begins with a dot gets a second one. */
export function encodeBlock(lines: readonly string[]): string {
  return `${lines.map(line => `${line.startsWith('.') ? '.' : ''}${line}\r\n`).join('')}.\r\n`;
}

/**
 * Reads the lines of a reply up to the one that is a dot alone, as POP3 and NNTP have it (RFC 1939 section 3,
 * RFC 3977 section 3.1.1). Throws ERR_UNEXPECTED_REPLY past 128 lines.
 */
export function* readBlock(server: Peer): Step<string[]> {
  const lines: string[] = [];
  while (lines.length < MAX_LINES) {
    const line = yield* server.line(LINE_LIMIT);
    if (line === '.') return lines;
    lines.push(line.startsWith('.') ? line.slice(1) : line);
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'reply has too many lines');
}
