import { Buffer } from 'node:buffer';
import { type ErrorCode, SallyportError } from '../errors.ts';

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = Buffer.alloc(0);

export interface LineOptions {
  /** Whether a line must end in CRLF. Default `false`: LF is taken, too. */
  readonly strict?: boolean;
}

/**
 * Bytes received and not consumed. Each read returns `undefined` while bytes are lacking, and each has a
 * limit. The cost is linear in the bytes received, however they are cut: the buffer doubles when it grows,
 * and a search goes on where the last one ended (RFC 3207 dialogues arrive one byte at a time from some
 * clients, and from every attacker).
 */
export class Inbox {
  #buffer: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** Up to here, counted from `#start`, the last search found nothing. */
  #searched = 0;
  /** Whether `#buffer` is ours to write into, not a chunk that the socket gave us. */
  #owned = false;
  /** Bytes consumed so far: a sign that whole lines arrive. */
  #consumed = 0;
  readonly #fault: ErrorCode | undefined;

  /** With `fault`, that is the code of every error, and what it else would be is the detail. */
  constructor(fault?: ErrorCode) {
    this.#fault = fault;
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** Bytes held. */
  get length(): number {
    return this.#end - this.#start;
  }

  append(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#adopt(chunk);
      return;
    }
    const needed = this.length + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#buffer.length) this.#grow(needed);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Puts bytes back in front of all others, when more was read than understood. */
  unread(data: Uint8Array): void {
    const rest = this.take();
    this.append(data);
    if (rest.length > 0) this.append(rest);
  }

  /** The byte at `index`, or `undefined` if it has not come yet. */
  peek(index = 0): number | undefined {
    return index < this.length ? this.#buffer[this.#start + index] : undefined;
  }

  /**
   * One line as latin1, without its end (CRLF, or LF as people type into s_client).
   * Throws ERR_LINE_TOO_LONG past `limit` bytes, the line end included, and ERR_BAD_LINE for a bare CR or a
   * NUL: two parsers that disagree about those are how smuggling begins (CVE-2023-51764). With `strict`, a
   * bare LF is ERR_BAD_LINE too.
   */
  line(limit: number, { strict = false }: LineOptions = {}): string | undefined {
    const at = this.#lineFeed();
    if (at < 0) {
      this.#searched = this.length;
      if (this.length >= limit) throw this.#error('ERR_LINE_TOO_LONG');
      return undefined;
    }
    if (at + 1 - this.#start > limit) throw this.#error('ERR_LINE_TOO_LONG');
    const end = at > this.#start && this.#buffer[at - 1] === CR ? at - 1 : at;
    const line = this.#buffer.toString('latin1', this.#start, end);
    this.#consume(at + 1 - this.#start);
    if (strict && end === at) throw this.#error('ERR_BAD_LINE', 'bare LF');
    if (line.includes('\r') || line.includes('\0')) throw this.#error('ERR_BAD_LINE');
    return line;
  }

  /** Exactly `count` bytes, as a copy. */
  bytes(count: number): Uint8Array | undefined {
    if (this.length < count) return undefined;
    const bytes = new Uint8Array(this.#buffer.subarray(this.#start, this.#start + count));
    this.#consume(count);
    return bytes;
  }

  /** All up to and with `token`, as latin1. Throws ERR_LINE_TOO_LONG past `limit` bytes. */
  through(token: string, limit: number): string | undefined {
    const from = Math.max(0, this.#searched - token.length + 1);
    const at = this.#filled().indexOf(token, this.#start + from, 'latin1');
    if (at < 0) {
      this.#searched = this.length;
      if (this.length >= limit) throw this.#error('ERR_LINE_TOO_LONG');
      return undefined;
    }
    const stop = at + token.length;
    if (stop - this.#start > limit) throw this.#error('ERR_LINE_TOO_LONG');
    const text = this.#buffer.toString('latin1', this.#start, stop);
    this.#consume(stop - this.#start);
    return text;
  }

  /** Everything held; the inbox is empty afterwards. */
  take(): Uint8Array {
    const all = this.#buffer.subarray(this.#start, this.#end);
    this.#release();
    return all;
  }

  #error(code: ErrorCode, detail?: string): SallyportError {
    if (this.#fault === undefined) return new SallyportError(code, detail);
    return new SallyportError(this.#fault, detail ?? new SallyportError(code).summary);
  }

  /** Where the next line ends, or -1. Commands are short: a loop finds it before a call into C++ has begun. */
  #lineFeed(): number {
    const from = this.#start + this.#searched;
    const near = Math.min(this.#end, from + 64);
    for (let at = from; at < near; at++) if (this.#buffer[at] === LF) return at;
    return near === this.#end ? -1 : this.#filled().indexOf(LF, near);
  }

  /** The buffer up to the last byte received: a search must not run through room that is not filled yet. */
  #filled(): Buffer {
    return this.#owned ? this.#buffer.subarray(0, this.#end) : this.#buffer;
  }

  #adopt(chunk: Uint8Array): void {
    this.#buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#owned = false;
    this.#start = 0;
    this.#end = chunk.length;
    this.#searched = 0;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(256, needed * 2));
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = grown;
    this.#owned = true;
  }

  #consume(count: number): void {
    this.#start += count;
    this.#consumed += count;
    this.#searched = 0;
    if (this.#start === this.#end) this.#release();
  }

  /** Lets go of the chunk: an idle connection must not keep 64 KiB alive. */
  #release(): void {
    this.#buffer = EMPTY;
    this.#start = 0;
    this.#end = 0;
    this.#searched = 0;
    this.#owned = false;
  }
}
