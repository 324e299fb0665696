import type { Socket } from 'node:net';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { type LinesOptions, linesOf } from './lines.ts';

/** The other end of a connection. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** Takes a session after the hand-over. When it returns a promise, the session ends as that settles. */
export type Application = (session: Session) => void | Promise<void>;

export interface SessionFacts {
  /** The same as in the logs. */
  readonly id: string;
  /** The protocol's name. */
  readonly protocol: string;
  /** The decrypted stream; what the dialogue left unread comes first. */
  readonly stream: Socket;
  readonly peer: RemoteAddress;
  /** What TLS negotiated; `undefined` in plaintext. */
  readonly tls: TlsFacts | undefined;
  /** How the client introduced itself (its EHLO line), where the dialogue answered it and no TLS followed. */
  readonly introduction: string | undefined;
  /** Our name, for greetings. */
  readonly hostname: string;
}

/** A connection in an application's hands: its dialogue is over and, unless the policy is `optional`, TLS is on. */
export class Session implements SessionFacts {
  readonly id: string;
  readonly protocol: string;
  readonly stream: Socket;
  readonly peer: RemoteAddress;
  readonly tls: TlsFacts | undefined;
  readonly introduction: string | undefined;
  readonly hostname: string;
  #draining: AbortController | undefined;

  constructor(facts: SessionFacts) {
    this.id = facts.id;
    this.protocol = facts.protocol;
    this.stream = facts.stream;
    this.peer = facts.peer;
    this.tls = facts.tls;
    this.introduction = facts.introduction;
    this.hostname = facts.hostname;
    this.#draining = undefined;
  }

  /** Tells a session that its server closes. */
  static drain(session: Session): void {
    session.#draining?.abort();
  }

  /** Aborted when the server is asked to close: say goodbye and return. */
  get draining(): AbortSignal {
    this.#draining ??= new AbortController();
    return this.#draining.signal;
  }

  /** The lines that the client sends; see `linesOf`. */
  lines(options: LinesOptions = {}): AsyncGenerator<string, void> {
    return linesOf(this.stream, options);
  }

  /** Sends a line, as latin1, with CRLF. Resolves when the stream takes more, or is closed. */
  async writeLine(line: string): Promise<void> {
    if (this.stream.write(`${line}\r\n`, 'latin1') || this.stream.destroyed) return;
    await new Promise<void>(resolve => {
      const go = () => {
        this.stream.off('drain', go).off('close', go);
        resolve();
      };
      this.stream.on('drain', go).on('close', go);
    });
  }
}
