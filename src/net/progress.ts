/**
 * How far a connection can come, in this order. Those before `clientHello` are passed over where TLS is there from the
 * first byte.
 *
 * - `connected`: it was accepted, within the limits or not.
 * - `greeted`: our first words were sent, in plaintext.
 * - `asked`: the client has asked for TLS, and was given the go-ahead.
 * - `clientHello`: the client's TLS has begun.
 * - `secured`: the handshake is done.
 * - `handedOver`: the application, or the upstream, has the stream.
 */
export const milestones = ['connected', 'greeted', 'asked', 'clientHello', 'secured', 'handedOver'] as const;

/** A milestone; `plaintext`, which is out of the order: handed over without TLS. */
export type Milestone = (typeof milestones)[number] | 'plaintext';

/** Hears of a milestone, and after how many milliseconds; `undefined` where it was passed over. */
export type TellMilestone = (milestone: Milestone, elapsed: number | undefined) => void;

/** Follows one connection from its beginning, and tells each milestone once. */
export class Progress {
  readonly #tell: TellMilestone;
  readonly #startedAt = performance.now();
  #next = 0;
  #reached: Milestone = 'connected';

  constructor(tell: TellMilestone) {
    this.#tell = tell;
    this.reach('connected');
  }

  /** The last milestone. */
  get reached(): Milestone {
    return this.#reached;
  }

  /** Since the connection was accepted, in milliseconds. */
  get elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  /** Comes to a milestone, past those before it; nothing happens where it is behind. */
  reach(milestone: (typeof milestones)[number]): void {
    const at = milestones.indexOf(milestone);
    for (const passed of milestones.slice(this.#next, at)) this.#tell(passed, undefined);
    if (at < this.#next) return;
    this.#next = at + 1;
    this.#reached = milestone;
    this.#tell(milestone, this.elapsed);
  }

  /** The stream was handed over, under TLS or without it. */
  handOver({ tls }: { readonly tls: boolean }): void {
    if (tls) {
      this.reach('handedOver');
      return;
    }
    this.#reached = 'plaintext';
    this.#tell('plaintext', this.elapsed);
  }
}
