import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';

/** How a client of the fleet fared. */
export interface Visit {
  /** The node that served it, by its name in the greeting; empty when none did. */
  readonly node: string;
  readonly resumed: boolean;
  readonly ticket: Buffer | undefined;
  /** Lines that were answered, each once and in its place. */
  readonly answered: number;
  /** What went wrong. */
  readonly failure: string | undefined;
}

export const LINES = 20;
const PATIENCE = 20_000;

export interface VisitOptions {
  readonly ticket?: Buffer | undefined;
  /** The client's own address. Default 127.0.0.1. */
  readonly from?: string;
}

/** Upgrades an SMTP session at the fleet, says some lines one after the other, and leaves in order. */
export async function visitFleet(
  port: number,
  ca: string,
  { ticket, from = '127.0.0.1' }: VisitOptions = {},
): Promise<Visit> {
  const raw = net.connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true });
  const visit = { node: '', resumed: false, ticket: undefined as Buffer | undefined, answered: 0 };
  try {
    const plain = new Replies(raw);
    visit.node = (await plain.next()).split(' ')[1] ?? '';
    await plain.ask('EHLO client.example.org', '250');
    await plain.ask('STARTTLS', '220');
    plain.leave();
    const secure = tls.connect({
      socket: raw,
      ca,
      servername: 'localhost',
      ...(ticket === undefined ? {} : { session: ticket }),
    });
    secure.on('session', session => {
      visit.ticket = session;
    });
    await once(secure, 'secureConnect', { signal: AbortSignal.timeout(PATIENCE) });
    visit.resumed = secure.isSessionReused();
    const replies = new Replies(secure);
    for (; visit.answered < LINES; visit.answered += 1) await replies.ask('NOOP', '250');
    await replies.ask('QUIT', '221');
    return { ...visit, failure: undefined };
  } catch (error) {
    return { ...visit, failure: String(error) };
  } finally {
    raw.destroy();
  }
}

/** The replies on one stream, one after the other. */
class Replies {
  readonly #stream: net.Socket;
  #text = '';
  #wake = () => {};
  #over: Error | undefined;

  constructor(stream: net.Socket) {
    this.#stream = stream;
    stream.on('data', this.#hear).on('error', this.#fail).on('close', this.#fail);
  }

  async ask(command: string, code: string): Promise<void> {
    this.#stream.write(`${command}\r\n`);
    const reply = await this.next();
    if (!reply.startsWith(code)) throw new Error(`${command}: ${reply}`);
  }

  /** The last line of the next reply. */
  async next(): Promise<string> {
    const late = setTimeout(() => this.#fail(new Error('no reply')), PATIENCE);
    try {
      for (;;) {
        const reply = /^(?:\d{3}-.*\r\n)*(\d{3}(?: .*)?)\r\n/.exec(this.#text);
        if (reply !== null) {
          this.#text = this.#text.slice(reply[0].length);
          return reply[1] ?? '';
        }
        if (this.#over !== undefined) throw this.#over;
        await new Promise<void>(resolve => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(late);
    }
  }

  leave(): void {
    this.#stream.off('data', this.#hear).off('close', this.#fail);
  }

  readonly #hear = (data: Buffer) => {
    this.#text += data.toString('latin1');
    this.#wake();
  };

  readonly #fail = (error?: unknown) => {
    this.#over = error instanceof Error ? error : new Error('closed');
    this.#wake();
  };
}
