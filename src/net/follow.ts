import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Follower, Move, TransferEnd } from '../dialogue/follower.ts';
import { SallyportError } from '../errors.ts';
import { Inbox } from '../wire/inbox.ts';
import { DataConnection, type DataSurroundings } from './data-connection.ts';
import { Deadline } from './deadline.ts';
import { farewellTo } from './farewell.ts';

export interface FollowOptions {
  readonly follower: Follower;
  /** What the client said and nobody read. */
  readonly unread: Uint8Array;
  /** What the upstream said and nobody read. */
  readonly answer: Uint8Array | undefined;
  /** Without a line from the client and without data, in milliseconds; 0 for ever. */
  readonly idleTimeout: number;
  readonly data: Omit<DataSurroundings, 'progress'>;
  /** Aborted when the server is asked to close. */
  readonly draining: AbortSignal;
}

/** The longest line of an upstream's that is taken, its end included. */
const ANSWER_LIMIT = 65_536;

/**
 * Passes the lines of a session both ways, through its follower, and makes the data connections that it agrees on.
 * Who is slow slows the other down. Resolves when the session is over. Rejects with what the client can be told in
 * the protocol's words: ERR_UPSTREAM_CLOSED, ERR_UPSTREAM_REPLY, ERR_IDLE_TIMEOUT, ERR_SHUTTING_DOWN, and with the
 * errors of a line. No data connection is left then.
 */
export function follow(client: Socket, upstream: Socket, options: FollowOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (error?: SallyportError) => (error === undefined ? resolve() : reject(error));
    new Following(client, upstream, options, over).start(options);
  });
}

class Following {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #follower: Follower;
  readonly #options: FollowOptions;
  readonly #commands = new Inbox();
  readonly #answers = new Inbox('ERR_UPSTREAM_REPLY');
  readonly #deadline: Deadline;
  readonly #over: (error?: SallyportError) => void;
  #data: DataConnection | undefined;
  #clientEnded = false;
  #isOver = false;

  constructor(
    client: Socket,
    upstream: Socket,
    options: FollowOptions,
    over: (error?: SallyportError) => void,
  ) {
    this.#client = client;
    this.#upstream = upstream;
    this.#follower = options.follower;
    this.#options = options;
    this.#over = over;
    const idle = () => this.#end(new SallyportError('ERR_IDLE_TIMEOUT'));
    this.#deadline = new Deadline(options.idleTimeout, 0, idle);
  }

  start({ unread, answer, draining }: FollowOptions): void {
    const [client, upstream] = [this.#client, this.#upstream];
    // A client that says its last may still want the answers.
    client.allowHalfOpen = true;
    client.on('data', data => this.#hear(data)).on('drain', () => this.#regulate());
    client.on('end', () => this.#clientSaidAll());
    client.once('close', () => this.#end());
    upstream.on('data', data => this.#listen(data)).on('drain', () => this.#regulate());
    upstream.on('end', () => this.#upstreamSaidAll());
    upstream.once('close', () => this.#upstreamSaidAll());
    draining.addEventListener('abort', () => this.#leave());
    if (unread.length > 0) this.#hear(unread);
    if (answer !== undefined && answer.length > 0) this.#listen(answer);
    this.#regulate();
    if (upstream.destroyed) this.#upstreamSaidAll();
    if (draining.aborted) this.#leave();
  }

  #hear(data: Uint8Array | Buffer): void {
    this.#commands.append(data);
    this.#try(() => this.#commandsOn());
  }

  #listen(data: Uint8Array | Buffer): void {
    this.#answers.append(data);
    this.#try(() => {
      for (;;) {
        const line = this.#isOver ? undefined : this.#answers.line(ANSWER_LIMIT);
        if (line === undefined) break;
        this.#perform(this.#follower.answer(line));
      }
      this.#commandsOn();
    });
  }

  /** All commands that may go now. */
  #commandsOn(): void {
    while (this.#follower.ready && !this.#isOver) {
      const line = this.#commands.line(this.#follower.lineLimit);
      if (line === undefined) break;
      this.#deadline.refresh();
      this.#perform(this.#follower.command(line));
    }
    if (this.#clientEnded && this.#follower.idle) this.#end();
    else if (this.#options.draining.aborted) this.#leave();
    this.#regulate();
  }

  /** What went wrong with a line is the end of the session. */
  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      const known = error instanceof SallyportError;
      this.#end(known ? error : new SallyportError('ERR_INTERNAL', undefined, { cause: error }));
    }
  }

  #perform(moves: readonly Move[]): void {
    for (const move of moves) {
      if (move.kind === 'reply') this.#client.write(move.text, 'latin1');
      else if (move.kind === 'forward') this.#upstream.write(move.text, 'latin1');
      else if (move.kind === 'open') this.#open(move);
      else if (move.kind === 'transfer') this.#transfer(move);
      else if (move.kind === 'proceed') this.#data?.proceed();
      else this.#drop();
    }
  }

  #open({ connection }: Extract<Move, { kind: 'open' }>): void {
    this.#drop();
    const surroundings = { ...this.#options.data, progress: () => this.#deadline.refresh() };
    const data = new DataConnection(connection, surroundings);
    this.#data = data;
    if (connection.mode === 'active') return;
    void data.listen().then(port => {
      if (this.#data === data) this.#go(follower => follower.listening(port));
    });
  }

  #transfer({ transfer }: Extract<Move, { kind: 'transfer' }>): void {
    const data = this.#data;
    void data?.transfer(transfer).then((end: TransferEnd | undefined) => {
      if (this.#data !== data || end === undefined) return;
      this.#go(follower => follower.transferred(end));
    });
  }

  #go(act: (follower: Follower) => readonly Move[]): void {
    if (this.#isOver) return;
    this.#try(() => {
      this.#perform(act(this.#follower));
      this.#commandsOn();
    });
  }

  #drop(): void {
    this.#data?.drop();
    this.#data = undefined;
  }

  #regulate(): void {
    if (this.#isOver) return;
    if (this.#follower.ready && !this.#upstream.writableNeedDrain) this.#client.resume();
    else this.#client.pause();
    if (this.#client.writableNeedDrain) this.#upstream.pause();
    else this.#upstream.resume();
  }

  #clientSaidAll(): void {
    this.#clientEnded = true;
    this.#try(() => this.#commandsOn());
  }

  #upstreamSaidAll(): void {
    const { idle, over } = this.#follower;
    this.#end(idle && over ? undefined : new SallyportError('ERR_UPSTREAM_CLOSED'));
  }

  #leave(): void {
    if (this.#follower.idle) this.#end(new SallyportError('ERR_SHUTTING_DOWN'));
  }

  #end(error?: SallyportError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline.stop();
    this.#drop();
    farewellTo(this.#upstream);
    this.#over(error);
  }
}
