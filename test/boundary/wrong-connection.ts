import type { Buffer } from 'node:buffer';
import type * as net from 'node:net';
import type * as tls from 'node:tls';
import type { Fault, WrongServer } from './wrong-server.ts';

export const GREETING = '220 small.example.org ESMTP\r\n';
export const GO_AHEAD = '220 Go ahead\r\n';
export const REFUSAL = '554 5.5.1 Data after STARTTLS\r\n';

/** The look-up of a policy between the command and the go-ahead, in milliseconds. */
const LOOK_UP = 10;
/** How long an audit record takes behind the go-ahead, in milliseconds. */
const AUDIT = 5;
/** How long a refused client may take to close, in milliseconds. */
const LINGER = 1000;
/** Bytes that the parser works through before it lets others have a turn. */
const TURN = 4096;
/** Bytes of a line without end. */
const LINE_LIMIT = 65_536;

/** One client: a line parser, what it has said so far, and the way to TLS. */
export class WrongConnection {
  readonly #server: WrongServer;
  readonly #raw: net.Socket;
  readonly #fault: Fault | undefined;
  #stream: net.Socket;
  #secure = false;
  #upgrading = false;
  /** Received and not yet framed into pieces that are parsed in one turn. */
  #pieces: string[] = [];
  /** Received and not yet executed. */
  #held = '';
  /** Who the client says it is. */
  #name: string | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(raw: net.Socket, server: WrongServer) {
    this.#server = server;
    this.#fault = server.options.fault;
    this.#raw = raw;
    this.#stream = raw;
    raw.on('error', () => raw.destroy());
    raw.on('close', () => clearTimeout(this.#deadline));
    if (this.#fault === 'setEncoding') raw.setEncoding('latin1');
    raw.on('data', this.#hear);
    raw.on('drain', () => this.#goOn(raw));
    raw.write(GREETING);
  }

  secured(secure: tls.TLSSocket): void {
    clearTimeout(this.#deadline);
    this.#stream = secure;
    this.#secure = true;
    this.#upgrading = false;
    if (this.#fault !== 'keep' && this.#fault !== 'keep-partial') this.#held = '';
    if (this.#fault !== 'state-kept') this.#name = undefined;
    secure.on('data', this.#hear);
    secure.on('drain', () => this.#goOn(secure));
    this.#execute();
    this.#work();
  }

  readonly #hear = (data: Buffer | string): void => {
    const text = typeof data === 'string' ? data : data.toString('latin1');
    if (this.#fault !== 'race') {
      this.#held += text;
      this.#execute();
      return;
    }
    for (let at = 0; at < text.length; at += TURN) this.#pieces.push(text.slice(at, at + TURN));
    this.#work();
  };

  /** Parses in turns, so that a client with much to say does not hold up the others. */
  #work(): void {
    const piece = this.#upgrading ? undefined : this.#pieces.shift();
    if (piece === undefined) return;
    this.#held += piece;
    this.#execute();
    setImmediate(() => this.#work());
  }

  #execute(): void {
    for (;;) {
      const at = this.#held.indexOf('\r\n');
      if (at < 0) break;
      const line = this.#held.slice(0, at);
      this.#held = this.#held.slice(at + 2);
      if (this.#command(line) === 'upgrade') return;
    }
    if (this.#held.length > LINE_LIMIT) this.#raw.destroy();
  }

  #command(line: string): 'upgrade' | undefined {
    const [verb = '', name] = line.split(' ');
    if (verb === 'EHLO') {
      this.#name = name;
      const offer = !this.#secure || this.#fault === 'nested-upgrade' ? '250-STARTTLS\r\n' : '';
      this.#say(`250-small.example.org\r\n${offer}250 PIPELINING\r\n`);
    } else if (verb === 'MAIL') this.#say(this.#mail());
    else if (verb === 'NOOP') this.#say('250 OK\r\n');
    else if (verb !== 'STARTTLS') this.#say('500 Not known\r\n');
    else if (!this.#secure) {
      this.#upgrade().catch(() => this.#raw.destroy());
      return 'upgrade';
    } else this.#say(this.#fault === 'nested-upgrade' ? GO_AHEAD : '503 TLS is on\r\n');
    return undefined;
  }

  #mail(): string {
    if (!this.#secure) return '530 STARTTLS first\r\n';
    return this.#name === undefined ? '503 EHLO first\r\n' : '250 Sender OK\r\n';
  }

  async #upgrade(): Promise<void> {
    const raw = this.#raw;
    const deaf = this.#fault !== 'no-pause' && this.#fault !== 'drop-listener-late';
    if (deaf) raw.off('data', this.#hear);
    if (this.#fault !== 'no-pause') raw.pause();
    this.#upgrading = true;
    const left = this.#left();
    await new Promise(resolve => setTimeout(resolve, LOOK_UP));
    const unread = this.#fault === 'setEncoding' ? 0 : raw.readableLength;
    if (left + unread > 0) {
      this.#refuse();
      return;
    }
    if (raw.destroyed || !raw.writable) return;
    this.#goAhead();
  }

  /** What of the plaintext is in the parser; a faulty server does not see all of it. */
  #left(): number {
    if (this.#fault === 'keep' || this.#fault === 'race') return 0;
    if (this.#fault === 'keep-partial') return this.#held.includes('\n') ? this.#held.length : 0;
    return this.#held.length;
  }

  #goAhead(): void {
    const raw = this.#raw;
    const { handshakeTimeout } = this.#server.options;
    const own = this.#fault !== 'no-deadline' && this.#fault !== 'no-destroy-on-tlsClientError';
    if (own) this.#deadline = setTimeout(() => raw.destroy(), handshakeTimeout);
    const wrap = () => {
      raw.off('data', this.#hear);
      if (!raw.destroyed) this.#server.upgrade(raw, this);
    };
    if (this.#fault === 'drop-listener-late') {
      raw.resume();
      raw.write(GO_AHEAD, () => setTimeout(wrap, AUDIT));
      return;
    }
    raw.write(GO_AHEAD);
    wrap();
  }

  #refuse(): void {
    const raw = this.#raw;
    raw.end(REFUSAL);
    if (this.#fault === 'no-resume-on-refuse') return;
    raw.off('data', this.#hear);
    raw.resume();
    this.#deadline = setTimeout(() => raw.destroy(), LINGER);
  }

  /** Reads no further than the client does. */
  #say(words: string): void {
    const stream = this.#stream;
    if (stream.writable && !stream.write(words)) stream.pause();
  }

  #goOn(stream: net.Socket): void {
    if (!this.#upgrading) stream.resume();
  }
}
