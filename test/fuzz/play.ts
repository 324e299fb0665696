import { performance } from 'node:perf_hooks';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { Stage, type StageOptions, TLS } from '../support/stage.ts';
import type { Event, Happening, Input } from './input.ts';

export type Role = 'server' | 'proxy' | 'probe';
export const ROLES: readonly Role[] = ['server', 'proxy', 'probe'];

/** Milliseconds that no input may take, on however busy a machine: what loops for ever is ended by mocha. */
const HANG = 5000;

/** How many bytes may be said for one that was heard, and besides: a greeting, a list, a page. */
const [ANSWER_FACTOR, ANSWER_BYTES] = [400, 65_536];

/**
 * Has all of `input` happen to one machine, then ends every wait. Returns what it did, a sentence each.
 * Throws for whatever no input may lead to: an exception, an internal error, a
 * hand-over or a dial in plaintext where TLS is required, words behind the go-ahead or the end, a wait without end,
 * an answer without measure.
 */
export function play(protocol: Protocol, role: Role, input: Input, options: StageOptions = {}): Set<string> {
  const begun = performance.now();
  const stage = new Stage(protocol, { ...options, role });
  const [first, ...rest] = input;
  const implicit = first?.kind === 'event' && first.event === 'TLS';
  const player = new Player(stage, implicit, options.policy ?? 'required');
  for (const happening of implicit ? rest : input) player.have(happening);
  player.end();
  if (performance.now() - begun > HANG) throw new Error('takes too long');
  return player.behaviour;
}

class Player {
  readonly behaviour = new Set<string>();
  readonly #stage: Stage;
  readonly #required: boolean;
  #secure: boolean;
  #heard = 0;
  #said = 0;

  constructor(stage: Stage, implicit: boolean, policy: string) {
    this.#stage = stage;
    this.#secure = implicit;
    this.#required = policy === 'required';
    stage.start(implicit ? TLS : undefined);
    this.#look('start');
  }

  have(happening: Happening): void {
    if (happening.kind === 'event') this.#event(happening.event);
    else {
      this.#heard += happening.text.length;
      if (happening.kind === 'said') this.#stage.say(happening.text);
      else this.#stage.answer(happening.text);
    }
    this.#look(happening.kind === 'event' ? happening.event : happening.kind);
  }

  /** Nothing more will come from anybody: whoever still waits then would wait for ever. */
  end(): void {
    const stage = this.#stage;
    for (const event of ['ended', 'drained', 'connected', 'upstream ended'] as const) {
      if (stage.waiting) this.have({ kind: 'event', event });
    }
    if (stage.upgrade !== undefined) {
      stage.fail('ERR_HANDSHAKE_PEER_GONE');
      if (stage.heard() !== '') throw new Error('speaks behind the go-ahead');
    }
    if (stage.close === undefined && stage.handOver === undefined) throw new Error('waits without end');
    const { machine } = stage;
    const more = [
      machine.receive(Uint8Array.of(10)),
      machine.ended(),
      machine.drained(),
      machine.connected(),
    ];
    if (more.some(actions => actions.length > 0)) throw new Error('acts behind its end');
  }

  #event(event: Event): void {
    const stage = this.#stage;
    if (event === 'TLS') {
      if (stage.upgrade === undefined) return;
      this.#secure = true;
      stage.secure();
    } else if (event === 'ended') stage.hangUp();
    else if (event === 'connected') stage.connect();
    else if (event === 'connected, greeted') stage.connect({ greeted: true });
    else if (event === 'upstream ended') stage.endUpstream();
    else if (event === 'drained') stage.machine.drained();
    else stage.fail(event);
  }

  #look(cause: string): void {
    const stage = this.#stage;
    const said = stage.heard();
    const forwarded = stage.forwarded();
    this.#said += said.length + forwarded.length;
    if (this.#said > ANSWER_BYTES + ANSWER_FACTOR * this.#heard) throw new Error('answers without measure');
    const code = stage.close?.error?.code;
    if ((code === 'ERR_INTERNAL' || code === 'ERR_TLS_REQUIRED') && code !== cause)
      throw new Error(code, { cause: stage.close?.error?.cause });
    if (this.#required && !this.#secure && (stage.dials > 0 || stage.handOver !== undefined))
      throw new Error('dials or hands over in plaintext');
    const where = this.#secure ? 'under TLS' : 'in plaintext';
    for (const line of said.split('\n')) this.behaviour.add(`${where}, says ${line}`);
    for (const line of forwarded.split('\n')) this.behaviour.add(`${where}, forwards ${line}`);
    if (stage.handOver !== undefined) this.behaviour.add(`${where}, hands over`);
    if (stage.upgrade !== undefined) this.behaviour.add('upgrades');
    if (stage.close !== undefined && code !== cause) this.behaviour.add(`${where}, closes: ${code}`);
  }
}
