import type { Socket } from 'node:net';
import type { Action } from '../dialogue/action.ts';
import type { Machine } from '../dialogue/machine.ts';
import { SallyportError } from '../errors.ts';
import { Deadline } from './deadline.ts';
import { type FollowOptions, follow } from './follow.ts';
import { type RelayOptions, relay } from './relay.ts';
import type { UpstreamEnd } from './session-end.ts';
import { type DialRequest, UpstreamLink, type UpstreamService } from './upstream-link.ts';

export interface UpstreamSideEvents {
  /** The upstream has done something: the dialogue, while there is one, is to be told. */
  act(tell: (machine: Machine) => readonly Action[]): void;
  /** It cannot be reached, or does not answer in time. */
  failed(error: SallyportError): void;
}

/** The other side of a connection in a proxy: the upstream, from the first dialling up to the hand-over. */
export class UpstreamSide {
  readonly #service: UpstreamService;
  readonly #events: UpstreamSideEvents;
  #link: UpstreamLink | undefined;
  /** Runs while the upstream's next word is awaited. */
  #patience: Deadline | undefined;

  constructor(service: UpstreamService, events: UpstreamSideEvents) {
    this.#service = service;
    this.#events = events;
  }

  /** What is left to say of the upstream that was dialled last. */
  get end(): UpstreamEnd | undefined {
    return this.#link?.end;
  }

  dial(request: DialRequest): void {
    this.#link = new UpstreamLink(this.#service.dial(request), {
      connected: greeted => this.#events.act(machine => machine.connected({ greeted })),
      received: data => this.#events.act(machine => machine.receiveAnswer(data)),
      ended: () => this.#events.act(machine => machine.upstreamEnded()),
      failed: error => this.#events.failed(error),
    });
  }

  forward(data: string | Uint8Array): void {
    this.#link?.write(data);
  }

  /** Closes the connection, and forgets it: what was said on it was said in plaintext. */
  hangUp(): void {
    this.#link?.destroy();
    this.#link = undefined;
  }

  /** Begins to wait for the upstream, or stops. Who dials has a deadline of his own, and this one is for both. */
  await(waiting: boolean): void {
    if (!waiting) this.#patience = this.#patience?.stop();
    else this.#patience ??= new Deadline(0, this.#service.timeout, () => this.#late());
  }

  /** Connects the client with the upstream for good; see `relay`. */
  async relay(client: Socket, options: RelayOptions): Promise<void> {
    const beforeBreak = () => this.#service.spread.delay();
    await relay(client, this.#release(client), { ...options, beforeBreak });
  }

  /** The same where the session is followed line by line; see `follow`. */
  async follow(client: Socket, optionsFor: (upstream: Socket) => FollowOptions): Promise<void> {
    const upstream = this.#release(client);
    await follow(client, upstream, optionsFor(upstream));
  }

  #release(client: Socket): Socket {
    this.await(false);
    const upstream = this.#link?.release();
    if (upstream === undefined) throw new SallyportError('ERR_UPSTREAM_CLOSED');
    client.removeAllListeners('data').removeAllListeners('end').pause();
    return upstream;
  }

  destroy(): void {
    this.await(false);
    this.#link?.destroy();
  }

  #late(): void {
    this.#events.failed(new SallyportError('ERR_UPSTREAM_TIMEOUT'));
  }
}
