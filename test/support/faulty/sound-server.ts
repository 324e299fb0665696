import { Buffer } from 'node:buffer';
import { constants } from 'node:crypto';
import { once } from 'node:events';
import * as net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import * as tls from 'node:tls';

/** Everything about the server that a fault may change. As it stands in `sound`, there is nothing to be found. */
export interface Manners {
  readonly greeting: string;
  readonly listed: readonly string[];
  readonly listedUnderTls: readonly string[];
  /** The reply to a command that is not about TLS. */
  reply(command: string, secure: boolean, memory: Memory): string;
  /** The reply to STARTTLS in plaintext that is no go-ahead; `undefined` where TLS follows. */
  readonly refusal: string | undefined;
  readonly goAhead: string;
  /** Replies are cut here into segments, 60 ms apart: `|`. */
  readonly cuts: boolean;
  /** What of the bytes behind STARTTLS is kept for the time under TLS; `undefined` refuses them. */
  keep(rest: string): string | undefined;
  /** Said under TLS, before it closes, to a client that has sent more behind STARTTLS: a refusal that comes late. */
  readonly lateRefusal: string;
  /** What the server says first under TLS. */
  readonly greetingUnderTls: string;
  readonly replyToSecondUpgrade: string;
  readonly forgets: boolean;
  /** Whether plaintext behind the go-ahead is read, up to a ClientHello. */
  readonly readsOn: boolean;
  /** Said in plaintext when the handshake has failed, before it closes. */
  readonly regret: string;
  /** Answers a ClientHello in the place of OpenSSL: with bytes, or not at all. */
  hello(hello: Buffer): Buffer | 'destroy' | undefined;
  /** Ends a handshake after so many milliseconds. */
  readonly handshakeTimeout: number | undefined;
  readonly survivesResets: boolean;
  readonly tls: tls.TlsOptions;
}

export interface Memory {
  sender: boolean;
}

export const sound: Manners = {
  greeting: '220 sound.example.org ready\r\n',
  listed: ['STARTTLS', 'PIPELINING'],
  listedUnderTls: ['PIPELINING'],
  reply: answer,
  refusal: undefined,
  goAhead: '220 2.0.0 Ready to start TLS\r\n',
  cuts: false,
  keep: rest => (rest === '' ? '' : undefined),
  lateRefusal: '',
  greetingUnderTls: '',
  replyToSecondUpgrade: '503 5.5.1 TLS is on\r\n',
  forgets: true,
  readsOn: false,
  regret: '',
  hello: () => undefined,
  handshakeTimeout: 700,
  survivesResets: true,
  tls: {
    minVersion: 'TLSv1.2',
    ciphers: 'TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  },
};

export function answer(command: string, secure: boolean, memory: Memory): string {
  const verb = command.slice(0, 4).toUpperCase();
  if (verb === 'NOOP') return '250 2.0.0 OK\r\n';
  if (!secure) return '530 5.7.0 STARTTLS first\r\n';
  if (verb === 'RCPT') return memory.sender ? '250 2.1.5 OK\r\n' : '503 5.5.1 MAIL first\r\n';
  return '500 5.5.2 What?\r\n';
}

/** A small mail server on `node:net` and `node:tls` alone, which does as its manners say. */
export class SoundServer {
  readonly manners: Manners;
  readonly #plain: net.Server;
  readonly #secure: tls.Server;
  readonly #open = new Set<net.Socket>();
  readonly #upgrading = new Map<net.Socket, (secure: tls.TLSSocket) => void>();
  #hung = false;

  constructor(manners: Manners) {
    this.manners = manners;
    this.#plain = net.createServer({ noDelay: true, allowHalfOpen: false }, socket => this.#accept(socket));
    this.#secure = tls.createServer(manners.tls);
    this.#secure.on('secureConnection', secure => {
      secure.on('error', () => secure.destroy());
      this.#upgrading.get(parentOf(secure))?.(secure);
    });
    this.#secure.on('tlsClientError', (_, secure) => {
      const raw = parentOf(secure);
      if (manners.regret === '') raw.destroy();
      else raw.end(manners.regret);
    });
  }

  async listen(): Promise<number> {
    await once(this.#plain.listen(0, '127.0.0.1'), 'listening');
    return (this.#plain.address() as net.AddressInfo).port; // of a listening server
  }

  close(): void {
    this.#plain.close();
    for (const socket of this.#open) socket.destroy();
  }

  /** Turns TLS on; bytes that are TLS already come first. */
  upgrade(raw: net.Socket, first: Buffer, secured: (secure: tls.TLSSocket) => void): void {
    this.#upgrading.set(raw, secured);
    raw.once('close', () => this.#upgrading.delete(raw));
    if (first.length > 0) raw.unshift(first);
    this.#secure.emit('connection', raw);
  }

  #accept(socket: net.Socket): void {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => {
      if (!this.manners.survivesResets) this.#hung = true;
    });
    if (!this.#hung) new Connection(socket, this).start();
  }
}

/** `_parent` leads back to the socket that was fed in, as in `src/net/terminator.ts`. */
function parentOf(secure: tls.TLSSocket): net.Socket {
  return (secure as unknown as { readonly _parent: net.Socket })._parent; // not in the types
}

/** Marks a client that has said too much. */
const LATE = '\0late';

class Connection {
  readonly #server: SoundServer;
  readonly #manners: Manners;
  readonly #raw: net.Socket;
  #stream: net.Socket;
  #inbox = '';
  #memory: Memory = { sender: false };

  constructor(socket: net.Socket, server: SoundServer) {
    this.#server = server;
    this.#manners = server.manners;
    this.#raw = socket;
    this.#stream = socket;
  }

  start(): void {
    void this.#say(this.#manners.greeting);
    this.#raw.on('data', this.#read);
  }

  get #secure(): boolean {
    return this.#stream !== this.#raw;
  }

  readonly #read = (data: Buffer): void => {
    this.#inbox += data.toString('latin1');
    for (let end = this.#inbox.indexOf('\n'); end >= 0; end = this.#inbox.indexOf('\n')) {
      const line = this.#inbox.slice(0, end).replace(/\r$/, '');
      this.#inbox = this.#inbox.slice(end + 1);
      if (/^STARTTLS$/i.test(line) && !this.#secure) {
        this.#startTls();
        return;
      }
      void this.#say(this.#replyTo(line));
    }
  };

  #replyTo(line: string): string {
    const { listed, listedUnderTls, replyToSecondUpgrade, reply } = this.#manners;
    if (/^STARTTLS$/i.test(line)) return replyToSecondUpgrade;
    if (/^EHLO /i.test(line)) {
      const all = ['sound.example.org', ...(this.#secure ? listedUnderTls : listed)];
      return all.map((each, at) => `250${at === all.length - 1 ? ' ' : '-'}${each}\r\n`).join('');
    }
    const said = reply(line, this.#secure, this.#memory);
    if (/^MAIL /i.test(line) && said.startsWith('250')) this.#memory.sender = true;
    return said;
  }

  #startTls(): void {
    const { refusal, keep, goAhead, readsOn } = this.#manners;
    if (refusal !== undefined) {
      void this.#say(refusal);
      return;
    }
    const late = this.#inbox !== '' && this.#manners.lateRefusal !== '';
    const kept = late ? LATE : keep(this.#inbox);
    if (kept === undefined) {
      this.#raw.end('554 5.5.1 Plaintext behind STARTTLS\r\n');
      return;
    }
    this.#inbox = kept;
    this.#raw.off('data', this.#read).pause();
    void this.#say(goAhead).then(() => {
      if (readsOn) this.#readOn();
      else this.#handshake();
    });
  }

  /** Waits for the ClientHello, and keeps what comes before it. */
  #readOn(): void {
    const read = (data: Buffer) => {
      const at = data.indexOf(0x16);
      this.#inbox += data.subarray(0, at < 0 ? data.length : at).toString('latin1');
      if (at < 0) return;
      this.#raw.off('data', read).pause();
      this.#secureWith(data.subarray(at));
    };
    this.#raw.on('data', read).resume();
  }

  #handshake(): void {
    const { handshakeTimeout, hello } = this.#manners;
    const late =
      handshakeTimeout === undefined ? undefined : setTimeout(() => this.#raw.destroy(), handshakeTimeout);
    this.#raw.once('close', () => clearTimeout(late));
    this.#raw.once('data', (data: Buffer) => {
      clearTimeout(late);
      this.#raw.pause();
      const answered = hello(data);
      if (answered === undefined) this.#secureWith(data);
      else if (answered === 'destroy') this.#raw.destroy();
      else this.#raw.write(answered);
    });
    this.#raw.resume();
  }

  #secureWith(first: Buffer): void {
    this.#server.upgrade(this.#raw, first, secure => {
      this.#stream = secure;
      if (this.#manners.forgets) this.#memory = { sender: false };
      void this.#say(this.#manners.greetingUnderTls);
      const kept = this.#inbox;
      this.#inbox = '';
      if (kept === LATE) secure.end(this.#manners.lateRefusal);
      else this.#read(Buffer.from(kept, 'latin1'));
      secure.on('data', this.#read);
    });
  }

  async #say(words: string): Promise<void> {
    const pieces = this.#manners.cuts ? words.split('|') : [words];
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await pause(60);
      if (piece !== '' && this.#stream.writable) this.#stream.write(piece, 'latin1');
    }
  }
}
