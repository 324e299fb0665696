import { Inbox } from '../wire/inbox.ts';
import { type Channel, Peer } from './peer.ts';

/**
 * The server behind a proxy, as the machine sees it: dialled when the dialogue first needs it, one for each
 * dialogue. What was said to it before TLS ends with it.
 */
export class Upstream {
  readonly peer: Peer;
  /** Whether anything was said to it. */
  addressed = false;
  state: 'undialled' | 'dialling' | 'connected' = 'undialled';
  readonly #channel: Channel = {
    inbox: new Inbox('ERR_UPSTREAM_REPLY'),
    outbox: [],
    queued: 0,
    ended: false,
    closedAs: 'ERR_UPSTREAM_CLOSED',
    patience: 0,
    tls: undefined,
    plaintextAfterUpgrade: 'refuse',
    dropped: 0,
  };

  constructor() {
    this.peer = new Peer('server', this.#channel);
  }

  /** Whether it will say no more. */
  get ended(): boolean {
    return this.#channel.ended;
  }

  /** Whether something is to be sent to it. */
  get isAddressed(): boolean {
    return this.#channel.outbox.length > 0;
  }

  receive(data: Uint8Array): void {
    this.#channel.inbox.append(data);
  }

  end(): void {
    this.#channel.ended = true;
  }

  /** What is to be sent to it. */
  takeWords(): Channel['outbox'] {
    this.addressed = true;
    const words = this.#channel.outbox;
    this.#channel.outbox = [];
    this.#channel.queued = 0;
    return words;
  }

  /** What it said and the dialogue did not read. */
  takeUnread(): Uint8Array {
    return this.#channel.inbox.take();
  }
}
