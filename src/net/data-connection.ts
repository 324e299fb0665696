import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import type { DataConnection as Agreement, Transfer, TransferEnd } from '../dialogue/follower.ts';
import type { DataOptions } from './data-options.ts';
import { DataPort } from './data-port.ts';
import { dial } from './dial.ts';
import { breakOff } from './relay.ts';
import type { TlsTerminator } from './terminator.ts';
import { transfer } from './transfer.ts';
import { WatchedEnd } from './watched-end.ts';

/** What the data connections of one session share. */
export interface DataSurroundings {
  readonly options: DataOptions;
  readonly terminator: TlsTerminator;
  readonly handshakeTimeout: number;
  /** Chooses the certificate where the client tells no name here. */
  readonly servername: string | undefined;
  /** Our address, as the client has reached it. */
  readonly local: string;
  readonly client: string;
  readonly upstream: string;
  /** Called with each piece of data. */
  progress(): void;
}

/**
 * One data connection, from the agreement to its end: the client's part, under TLS or not, and the upstream's, which
 * is dialled when the client's is there.
 */
export class DataConnection {
  readonly #agreement: Agreement;
  readonly #surroundings: DataSurroundings;
  readonly #sockets = new Set<Socket>();
  readonly #events = new EventEmitter();
  #port: DataPort | undefined;
  #client: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: 'open' | 'late' | 'dropped' = 'open';

  constructor(agreement: Agreement, surroundings: DataSurroundings) {
    this.#agreement = agreement;
    this.#surroundings = surroundings;
  }

  /** Listens for the client. Resolves with the port, or with `undefined` where none is free. */
  async listen(): Promise<number | undefined> {
    const { options, local, client } = this.#surroundings;
    const came = (socket: Socket) => this.#came(socket);
    const port = await DataPort.open({ address: local, ports: options.ports, client }, came);
    if (this.#state === 'dropped') {
      port?.close();
      return undefined;
    }
    this.#port = port;
    if (port !== undefined) this.#timer = setTimeout(() => this.#late(), options.timeout);
    return port?.number;
  }

  /** Plays a transfer to its end. Resolves with `undefined` where it was dropped. */
  async transfer(terms: Transfer): Promise<TransferEnd | undefined> {
    const end = await this.#play(terms).catch(error => {
      return error instanceof Failure ? error.end : ('broken' as const);
    });
    const dropped = this.#state === 'dropped';
    if (end !== 'complete') this.drop();
    return dropped ? undefined : end;
  }

  /** The upstream has begun: now the client that listens can be dialled. */
  proceed(): void {
    const { client, options } = this.#surroundings;
    if (this.#agreement.mode !== 'active' || this.#client !== undefined) return;
    dial({ host: client, port: this.#agreement.port }, { timeout: options.timeout }).then(
      socket => this.#came(socket),
      () => this.#late(),
    );
  }

  /** Breaks all of it off, as far as it has come. */
  drop(): void {
    this.#state = 'dropped';
    clearTimeout(this.#timer);
    this.#port?.close();
    for (const socket of this.#sockets) breakOff(socket);
    this.#events.emit('client');
  }

  #came(socket: Socket): void {
    clearTimeout(this.#timer);
    this.#keep(socket);
    this.#client = socket;
    this.#events.emit('client');
  }

  #late(): void {
    if (this.#state === 'open') this.#state = 'late';
    this.#port?.close();
    this.#events.emit('client');
  }

  async #play({ secure, sender }: Transfer): Promise<TransferEnd> {
    const active = this.#agreement.mode === 'active';
    // The upstream may want it before it says that it begins; a client that listens is dialled after that.
    const early = active ? this.#dialUpstream() : undefined;
    early?.catch(() => undefined); // awaited below
    const plain = await this.#awaitClient().catch(async error => {
      // An upstream that waits for its part would hold up the session: it gets it, broken off.
      await (early ?? this.#dialUpstream());
      throw error;
    });
    const [client, upstream] = await Promise.all([
      secure ? this.#secure(plain, sender) : plain,
      early ?? this.#dialUpstream(),
    ]);
    const legs = sender === 'client' ? { from: client, to: upstream } : { from: upstream, to: client };
    const whole = await transfer({ ...legs, progress: () => this.#surroundings.progress() });
    return whole ? 'complete' : 'broken';
  }

  async #awaitClient(): Promise<Socket> {
    while (this.#client === undefined && this.#state === 'open') await once(this.#events, 'client');
    if (this.#client === undefined) throw new Failure('absent');
    return this.#client;
  }

  async #dialUpstream(): Promise<Socket> {
    const { upstream, options } = this.#surroundings;
    const place = { host: upstream, port: this.#agreement.upstreamPort };
    return this.#keep(await dial(place, { timeout: options.timeout }));
  }

  async #secure(plain: Socket, sender: Transfer['sender']): Promise<Socket> {
    const { terminator, handshakeTimeout, servername } = this.#surroundings;
    // An upload that was cut off is told from one that was closed: by close_notify alone.
    const watched = sender === 'client' ? new WatchedEnd(plain) : undefined;
    const handshake = terminator.accept(watched ?? plain, handshakeTimeout, servername);
    const secure = await (watched === undefined ? handshake : watched.heldBy(handshake)).catch(() => {
      throw new Failure('insecure');
    });
    return this.#keep(secure);
  }

  #keep<S extends Socket>(socket: S): S {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#state === 'dropped') socket.destroy();
    return socket;
  }
}

class Failure extends Error {
  readonly end: TransferEnd;

  constructor(end: TransferEnd) {
    super(end);
    this.end = end;
  }
}
