import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Action } from '../dialogue/action.ts';
import type { Machine } from '../dialogue/machine.ts';
import { SallyportError } from '../errors.ts';
import { ClientSide } from './client-side.ts';
import type { ConnectionState } from './connection-state.ts';
import { Deadline } from './deadline.ts';
import { machineFor, type Service } from './service.ts';
import { UpstreamSide } from './upstream-side.ts';

/** Asks the machine what is to be done next. */
export type Tell = (machine: Machine) => readonly Action[];
export type Upgrade = Extract<Action, { kind: 'upgrade' }>;
export type HandOver = Extract<Action, { kind: 'handOver' }>;

/** The actions that end a dialogue, or interrupt it. */
export interface DialogueEvents {
  upgrade(action: Upgrade): void;
  handOver(action: HandOver): void;
  /** `words` are the last to be said, where there was no dialogue to say them. */
  close(error: SallyportError | undefined, words?: string): void;
}

/** One machine at work: what it says is done on the client's stream and the upstream's, under a deadline. */
export class DialogueRun {
  readonly client: ClientSide;
  /** Where we are a proxy. */
  readonly upstream: UpstreamSide | undefined;
  readonly #state: ConnectionState;
  readonly #service: Service;
  readonly #events: DialogueEvents;
  #machine: Machine | undefined;
  #deadline: Deadline | undefined;

  constructor(state: ConnectionState, service: Service, events: DialogueEvents) {
    this.#state = state;
    this.#service = service;
    this.#events = events;
    this.client = new ClientSide(state.raw, {
      received: data => this.#receive(data),
      ended: () => this.advance(machine => machine.ended()),
      drained: () => this.#regulate(),
    });
    const act = (tell: Tell) => this.advance(tell);
    const failed = (error: SallyportError) => this.fail(error);
    this.upstream = service.upstream && new UpstreamSide(service.upstream, { act, failed });
  }

  /** Whether it has begun and is not over, though it may wait for a handshake. */
  get going(): boolean {
    return this.#machine !== undefined;
  }

  /** From now on there is a dialogue, though nothing has been said. */
  begin(): void {
    this.#machine = machineFor(this.#service);
  }

  /** Talks on another stream, or on the first; `first` has been read from it already. */
  converse(stream: Socket, tell: Tell, first?: Buffer): void {
    this.client.converse(stream);
    this.advance(tell);
    if (first !== undefined) this.#receive(first);
  }

  advance(tell: Tell): void {
    if (this.#machine !== undefined) this.#perform(tell(this.#machine));
  }

  /** Ends the client that is quiet for so long, or is not done after `total`, both in milliseconds, 0 for never. */
  watch(quiet: number, total: number): void {
    this.#deadline?.stop();
    this.#deadline = new Deadline(quiet, total, code => {
      const quietCode = this.#state.tls === undefined ? 'ERR_COMMAND_TIMEOUT' : 'ERR_IDLE_TIMEOUT';
      this.fail(new SallyportError(code === 'total' ? 'ERR_DIALOGUE_TIMEOUT' : quietCode));
    });
  }

  /** The handshake has a deadline of its own. */
  unwatch(): void {
    this.#deadline?.stop();
  }

  /** Ends with the protocol's farewell for `error`, as far as the dialogue can say one. */
  fail(error: SallyportError): void {
    if (this.#machine !== undefined) this.#perform(this.#machine.fail(error));
    else this.#events.close(error, this.farewell(error));
  }

  /** Keeps the machine's books on a handshake that failed: nothing can be said any more. */
  fell(error: SallyportError): void {
    this.#machine?.fail(error);
  }

  /** The words that fit `error` where there is no dialogue. */
  farewell(error: SallyportError): string | undefined {
    return this.#service.options.protocol.farewell(error, this.#service.scene);
  }

  /** It is over. */
  retire(): void {
    this.#state.dropped += this.#machine?.dropped ?? 0;
    this.#machine = undefined;
    this.#deadline = this.#deadline?.stop();
  }

  #receive(data: Buffer): void {
    const machine = this.#machine;
    if (machine === undefined) return;
    const consumed = machine.consumed;
    const actions = machine.receive(data);
    // A line that dribbles in does not count as life: only a whole one does.
    if (machine.consumed > consumed) this.#deadline?.refresh();
    this.#perform(actions);
  }

  #perform(actions: readonly Action[]): void {
    // Replies and go-ahead leave in one segment, as half of the clients judge by the first one they read;
    // the upgrade uncorks.
    if (actions.length > 1 && actions.at(-1)?.kind === 'upgrade') this.client.stream.cork();
    for (const action of actions) this.#do(action);
    this.#regulate();
  }

  #do(action: Action): void {
    if (action.kind === 'write') this.#write(action.data);
    else if (action.kind === 'drain') this.#drain();
    else if (action.kind === 'dial') this.#dial(action.upgradeCommand);
    else if (action.kind === 'forward') this.upstream?.forward(action.data);
    else if (action.kind === 'hangUp') this.upstream?.hangUp();
    else if (action.kind === 'upgrade') this.#events.upgrade(action);
    else if (action.kind === 'handOver') this.#events.handOver(action);
    else this.#events.close(action.error);
  }

  #dial(upgradeCommand: string | undefined): void {
    const { id, ends, tls } = this.#state;
    this.upstream?.dial({ session: id, ...ends, tls, upgradeCommand });
  }

  /** A client that does not wait for the upstream's word is read no further. */
  #regulate(): void {
    if (this.#state.phase !== 'dialogue' || this.#machine === undefined) return;
    const { awaitsUpstream } = this.#machine;
    this.client.regulate({ wait: awaitsUpstream });
    this.upstream?.await(awaitsUpstream);
  }

  #drain(): void {
    this.client.whenDrained(() => {
      if (this.#state.phase === 'dialogue') this.advance(machine => machine.drained());
    });
  }

  #write(data: string | Uint8Array): void {
    if (this.#state.tls === undefined) this.#state.progress.reach('greeted');
    this.client.write(data);
  }
}
