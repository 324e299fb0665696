import { SallyportError } from '../src/errors.ts';

export interface FtpReply {
  readonly code: number;
  /** The text of each line that was kept, without code and separator. */
  readonly lines: readonly string[];
  /** The whole, as it came, with CRLF. */
  readonly text: string;
}

/** Lines of a reply that is kept; FEAT is the longest of them. */
const MAX_LINES = 256;

/** Puts replies together, line by line (RFC 959 section 4.2). */
export class FtpReplies {
  #code: string | undefined;
  #kept: string[] = [];

  /** Of the reply under way; `undefined` between two replies. */
  get code(): string | undefined {
    return this.#code;
  }

  /** Takes a line; the reply, if that was its last. Throws ERR_UPSTREAM_REPLY. */
  add(line: string, { keep }: { readonly keep: boolean }): FtpReply | undefined {
    this.#code ??= /^[1-6]\d\d(?=[- ]|$)/.exec(line)?.[0];
    const code = this.#code;
    if (code === undefined) throw new SallyportError('ERR_UPSTREAM_REPLY', 'not a reply');
    if (keep && this.#kept.push(line) > MAX_LINES) {
      throw new SallyportError('ERR_UPSTREAM_REPLY', 'reply has too many lines');
    }
    if (!line.startsWith(code) || line[3] === '-') return undefined;
    const kept = this.#kept;
    this.#code = undefined;
    this.#kept = [];
    const lines = kept.map(each => (each.startsWith(code) ? each.slice(4) : each));
    return { code: Number(code), lines, text: kept.map(each => `${each}\r\n`).join('') };
  }
}
