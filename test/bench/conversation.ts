import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as tls from 'node:tls';

/** The same version and cipher, whatever the server would choose. */
const CONTEXT = tls.createSecureContext({
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_256_GCM_SHA384',
});

/** SSLRequest, and a StartupMessage of version 3.0 without parameters but the user. */
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');
const STARTUP = Buffer.from(`0000001400030000${Buffer.from('user\0bench\0\0').toString('hex')}`, 'hex');

/** Time for any one answer, in milliseconds; an idle connection is held longer than any takes. */
const PATIENCE = 60_000;

/** An SMTP client as the load generator needs it: counts replies, and fails at the first that refuses. */
export class Conversation {
  #socket: Socket;
  /** The start of a line whose end has not come yet. */
  #rest = '';
  #heard = 0;
  #wanted = 0;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #ticket: Buffer | undefined;
  /** So many bytes are to come that are no lines. */
  #skip = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects, and hears the greeting. */
  static async connect(port: number): Promise<Conversation> {
    const conversation = new Conversation(connect({ host: '127.0.0.1', port, noDelay: true }));
    await conversation.hear(1);
    return conversation;
  }

  /** Connects, says EHLO and turns TLS on; with `ticket`, by resuming the session that it stands for. */
  static async connectSecure(port: number, ticket?: Buffer): Promise<Conversation> {
    const conversation = await Conversation.connect(port);
    await conversation.say('EHLO client.example.org\r\n');
    await conversation.#secure(ticket);
    return conversation;
  }

  /** Connects, and turns TLS on as clients of postgres do; the stream is that of an SMTP client all the same. */
  static async connectPostgres(port: number): Promise<Conversation> {
    const raw = connect({ host: '127.0.0.1', port, noDelay: true });
    const conversation = new Conversation(raw);
    raw.removeAllListeners('data').write(SSL_REQUEST);
    const [answer] = (await once(raw, 'data', patient())) as [Buffer]; // of a socket without an encoding
    if (answer.toString('latin1') !== 'S') throw new Error('TLS is refused');
    await conversation.#wrap();
    await conversation.say(STARTUP);
    return conversation;
  }

  /** The session ticket that the server gave last; it comes with the first data. */
  get ticket(): Buffer | undefined {
    return this.#ticket;
  }

  /** Sends, and hears so many replies. */
  async say(text: string | Uint8Array, replies = 1): Promise<void> {
    this.#socket.write(text);
    await this.hear(replies);
  }

  /** Sends, and takes so many bytes, whatever they are, and a reply. */
  download(text: string, bytes: number): Promise<void> {
    this.#skip = bytes;
    return this.say(text);
  }

  /** Sends each chunk when the one before it has left, and hears so many replies. */
  async upload(chunks: Iterable<Uint8Array>, replies: number): Promise<void> {
    for (const chunk of chunks) {
      if (!this.#socket.write(chunk)) await once(this.#socket, 'drain', patient());
    }
    await this.hear(replies);
  }

  hear(replies: number): Promise<void> {
    this.#wanted += replies;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#judge();
    });
  }

  /** Stays, and is asked for nothing more. */
  rest(): void {
    this.#socket.setTimeout(0);
  }

  /** Closes, with close_notify under TLS, and waits until the other end has closed, too. */
  async end(): Promise<void> {
    const closed = once(this.#socket, 'close', patient());
    this.#socket.end();
    await closed;
  }

  /** Waits for the server to close. */
  async closed(): Promise<void> {
    if (!this.#socket.destroyed) await once(this.#socket, 'close', patient());
  }

  destroy(): void {
    this.#socket.removeAllListeners('close').destroy();
  }

  async #secure(ticket: Buffer | undefined): Promise<void> {
    await this.say('STARTTLS\r\n');
    await this.#wrap(ticket);
  }

  async #wrap(ticket?: Buffer): Promise<void> {
    const raw = this.#socket.removeAllListeners();
    const secure = tls.connect({
      socket: raw,
      secureContext: CONTEXT,
      rejectUnauthorized: false,
      ...(ticket === undefined ? {} : { session: ticket }),
    });
    secure.on('session', session => {
      this.#ticket = session;
    });
    this.#socket = secure;
    await once(secure, 'secureConnect', patient());
    if (secure.isSessionReused() !== (ticket !== undefined))
      throw new Error('resumption is not as asked for');
    this.#listen(secure);
  }

  #listen(socket: Socket): void {
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
    socket.on('data', (data: Buffer) => {
      const skipped = Math.min(this.#skip, data.length);
      this.#skip -= skipped;
      if (skipped < data.length) this.#receive(data.toString('latin1', skipped));
    });
    socket.on('error', error => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line[3] === '-') continue;
      if (!/^[23]/.test(line)) this.#fail(new Error(`refused: ${line}`));
      this.#heard += 1;
    }
    this.#judge();
  }

  #judge(): void {
    if (this.#heard < this.#wanted) return;
    this.#settle?.resolve();
    this.#settle = undefined;
  }

  #fail(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

function patient(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(PATIENCE) };
}
