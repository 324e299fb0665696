import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { AuditedReply, ReplyTest } from '../dialogue/audit.ts';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { SallyportError } from '../errors.ts';
import { ClientDialogue } from '../net/client-dialogue.ts';
import { type ConnectTlsOptions, connectTls } from '../net/connect-tls.ts';
import { dial } from '../net/dial.ts';
import { type Heard, hangUp, hear } from '../net/hear.ts';
import { tlsFacts } from '../net/tls-facts.ts';
import { printable } from '../wire/printable.ts';
import type { Moment } from './probe-result.ts';
import type { Subject } from './subject.ts';

export interface VisitOptions {
  /** May put other bytes in place of one write in plaintext; `index` counts from 0. Default: none. */
  readonly alter?: (bytes: Uint8Array, index: number) => Uint8Array;
}

/** One write or one read, as latin1 and not escaped. */
export interface Word {
  readonly by: 'client' | 'server';
  readonly secure: boolean;
  readonly text: string;
}

/** Moments that are kept of one connection: a server that says a byte at a time must not fill the memory. */
const MAX_MOMENTS = 256;
const TEXT_LIMIT = 2048;

/** How long a reply may stop in its midst, in milliseconds. */
const REPLY_GAP = 200;
const ANYTHING: ReplyTest = { test: said => said !== '' };

/** One connection to the server that is probed. All that is said on it is written down. */
export class Visit {
  readonly moments: Moment[] = [];
  readonly words: Word[] = [];
  readonly #subject: Subject;
  readonly #begun = performance.now();
  readonly #raw: Socket;
  readonly #dialogue: ClientDialogue;
  #stream: Socket;
  #writes = 0;
  #facts: TlsFacts | undefined;

  private constructor(subject: Subject, socket: Socket, { alter }: VisitOptions) {
    this.#subject = subject;
    this.#raw = socket;
    this.#stream = socket;
    this.#dialogue = new ClientDialogue(socket, {
      protocol: subject.target.protocol,
      scene: subject.scene,
      observe: ({ by, secure, bytes }) => this.#record(by, secure, bytes),
      alter: bytes => alter?.(bytes, this.#writes++) ?? bytes,
    });
  }

  /** Connects. Rejects with ERR_CONNECT or ERR_CONNECT_TIMEOUT. */
  static async begin(subject: Subject, options: VisitOptions = {}): Promise<Visit> {
    const { address } = subject.target;
    subject.connections += 1;
    return new Visit(subject, await dial(address, { timeout: subject.options.timeout }), options);
  }

  /** Whether the connection is gone, or was never any good. */
  get gone(): boolean {
    return this.#stream.destroyed;
  }

  /** Plays the dialogue up to the go-ahead; nothing where TLS comes first. Rejects as `ClientDialogue` does. */
  async untilGoAhead(): Promise<void> {
    if (!this.#subject.target.implicit) await this.#dialogue.plaintext(this.#subject.options.timeout);
  }

  /** Does the handshake, with `own` in place of what our client usually wants. Rejects as `connectTls` does. */
  async secure(own: Partial<ConnectTlsOptions> = {}): Promise<TLSSocket> {
    const { timeout } = this.#subject.options;
    const secure = await connectTls(this.#raw, { ...this.#subject.tls, timeout, ...own });
    this.#stream = secure;
    this.#facts = tlsFacts(secure, 'client');
    const { version, cipher } = this.#facts;
    this.#keep({ kind: 'tls', at: this.#now(), version, cipher });
    return secure;
  }

  /** Plays the dialogue under TLS up to its end; nothing where TLS came first. */
  async converse(): Promise<void> {
    if (this.#facts === undefined) throw new SallyportError('ERR_INTERNAL', 'no TLS');
    if (this.#subject.target.implicit) return;
    const secure = this.#stream as TLSSocket; // since `secure`
    await this.#dialogue.underTls(secure, this.#facts, this.#subject.options.timeout);
  }

  /** Says words that are not of the dialogue, as one write. */
  say(words: string | Uint8Array): void {
    const bytes = typeof words === 'string' ? Buffer.from(words, 'latin1') : words;
    this.#record('client', this.#facts !== undefined, bytes);
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  /** Sends bytes that are no words; `what` they are is written down. */
  send(bytes: Uint8Array, what: string): void {
    this.note('client', what);
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  /** Listens for `within` ms, by default the timeout, or until `pattern` is in what was heard. */
  async hear(pattern?: ReplyTest, within = this.#subject.options.timeout): Promise<Heard & { text: string }> {
    const heard = await hear(this.#stream, {
      within,
      ...(pattern === undefined ? {} : { enough: bytes => pattern.test(bytes.toString('latin1')) }),
      observe: bytes => this.#record('server', this.#facts !== undefined, bytes),
    });
    return { ...heard, text: heard.bytes.toString('latin1') };
  }

  /** Says words one by one and waits for the reply to each; the last reply, or `undefined` where one did not come. */
  async exchange(script: readonly AuditedReply[]): Promise<string | undefined> {
    let last = '';
    for (const each of script) {
      last = await this.ask(each);
      if (!each.reply.test(last)) return undefined;
    }
    return last;
  }

  /** Says words, and listens until the reply has come, or another one has and is over. */
  async ask({ say, reply }: AuditedReply): Promise<string> {
    if (say !== '') this.say(say);
    let { text } = await this.hear(ANYTHING);
    for (let length = -1; !reply.test(text) && length < text.length; ) {
      length = text.length;
      text += (await this.hear(ANYTHING, REPLY_GAP)).text;
    }
    return text;
  }

  /** Listens to bytes that are no words, up to `enough`. */
  async receive(enough: (bytes: Buffer) => boolean, within = this.#subject.options.timeout): Promise<Heard> {
    return hear(this.#stream, { within, enough });
  }

  /** Lets the dialogue read again what `hear` has read. */
  unhear(bytes: Buffer): void {
    if (bytes.length > 0 && !this.#stream.destroyed) this.#stream.unshift(bytes);
  }

  /** Whether an error means that the server did not want the handshake. */
  isHandshakeError(error: unknown): boolean {
    return error instanceof SallyportError && error.code.startsWith('ERR_HANDSHAKE_');
  }

  note(by: 'client' | 'server', text: string): void {
    this.#keep({ kind: 'note', at: this.#now(), by, text });
  }

  /** Ends the connection with a RST. */
  async reset(): Promise<void> {
    this.note('client', 'RST');
    this.#raw.resetAndDestroy();
    await hangUp(this.#raw);
  }

  /** Ends the connection, and resolves when it is gone. */
  async end(): Promise<void> {
    if (!this.#stream.destroyed) this.note('client', 'FIN');
    await hangUp(this.#stream);
    this.#raw.destroy();
  }

  #record(by: 'client' | 'server', secure: boolean, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const raw = Buffer.from(bytes).toString('latin1');
    if (this.words.length < MAX_MOMENTS) this.words.push({ by, secure, text: raw });
    const text = printable(raw, TEXT_LIMIT);
    this.#keep({ kind: 'said', at: this.#now(), by, secure, text, size: bytes.length });
  }

  #keep(moment: Moment): void {
    if (this.moments.length < MAX_MOMENTS) this.moments.push(moment);
  }

  #now(): number {
    return Math.round((performance.now() - this.#begun) * 10) / 10;
  }
}
