import { Buffer } from 'node:buffer';
import type { Action } from '../../src/dialogue/action.ts';
import { Machine } from '../../src/dialogue/machine.ts';
import type { Protocol, Scene } from '../../src/dialogue/protocol.ts';
import type { TlsFacts } from '../../src/dialogue/tls-facts.ts';
import { type ErrorCode, SallyportError } from '../../src/errors.ts';

export interface StageOptions extends Partial<Scene> {
  readonly role?: 'server' | 'proxy' | 'probe';
  readonly plaintextAfterUpgrade?: 'refuse' | 'discard';
  readonly badCommands?: number;
}

export const SCENE: Scene = {
  hostname: 'mail.example.org',
  policy: 'required',
  takesImplicit: false,
  application: false,
  capabilities: [],
  available: () => true,
  token: () => 'id0',
};

export const TLS: TlsFacts = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  group: undefined,
  servername: 'mail.example.org',
  alpn: undefined,
  resumed: false,
  clientCertificate: undefined,
};

/** One machine on an empty stage: no socket, no clock. Everything it does is written down. */
export class Stage {
  readonly machine: Machine;
  /** All that was said since `heard` was last called, as latin1. */
  #said = '';
  upgrade: Extract<Action, { kind: 'upgrade' }> | undefined;
  handOver: Extract<Action, { kind: 'handOver' }> | undefined;
  close: Extract<Action, { kind: 'close' }> | undefined;
  /** How often the upstream was dialled, and hung up. */
  dials = 0;
  hangUps = 0;
  #forwarded = '';
  /** Writes, one entry a segment. */
  readonly writes: string[] = [];

  constructor(protocol: Protocol, options: StageOptions = {}) {
    const { role = 'server', plaintextAfterUpgrade = 'refuse', badCommands = 10, ...scene } = options;
    let tokens = 0;
    const token = () => `id${++tokens}`;
    this.machine = new Machine({
      protocol,
      role,
      plaintextAfterUpgrade,
      badCommands,
      scene: { ...SCENE, token, ...scene },
    });
  }

  start(tls?: TlsFacts): this {
    return this.#perform(this.machine.start(tls));
  }

  /** Text is latin1. Nothing reaches the machine once it has asked for TLS or is over. */
  say(...pieces: readonly (string | Uint8Array)[]): this {
    for (const piece of pieces) {
      if (this.waiting) {
        this.#perform(this.machine.receive(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece));
      }
    }
    return this;
  }

  /** Says each byte on its own. */
  dribble(text: string): this {
    return this.say(...text);
  }

  hangUp(): this {
    return this.#perform(this.machine.ended());
  }

  secure(tls = TLS): this {
    this.upgrade = undefined;
    return this.#perform(this.machine.secured(tls));
  }

  /** The limits refuse the upgrade: its go-ahead is never said. */
  refuse(code: ErrorCode): this {
    const { goAhead = '' } = this.upgrade ?? {};
    this.upgrade = undefined;
    this.#said = this.#said.slice(0, this.#said.length - goAhead.length);
    return this.#perform(this.machine.refused(new SallyportError(code)));
  }

  get waiting(): boolean {
    return this.upgrade === undefined && this.handOver === undefined && this.close === undefined;
  }

  /** The upstream is connected. */
  connect(options?: { greeted?: boolean }): this {
    return this.#perform(this.machine.connected(options));
  }

  /** The upstream says so. */
  answer(...pieces: readonly string[]): this {
    for (const piece of pieces) this.#perform(this.machine.receiveAnswer(Buffer.from(piece, 'latin1')));
    return this;
  }

  endUpstream(): this {
    return this.#perform(this.machine.upstreamEnded());
  }

  /** Something from outside ends the dialogue. */
  fail(code: ErrorCode): this {
    return this.#perform(this.machine.fail(new SallyportError(code)));
  }

  /** What was sent to the upstream since the last call. */
  forwarded(): string {
    const forwarded = this.#forwarded;
    this.#forwarded = '';
    return forwarded;
  }

  /** What the machine said since the last call, the go-ahead included. */
  heard(): string {
    const said = this.#said;
    this.#said = '';
    return said;
  }

  #perform(actions: readonly Action[]): this {
    for (const action of actions) {
      if (action.kind === 'write') this.#write(action.data);
      else if (action.kind === 'drain') this.#perform(this.machine.drained());
      else if (action.kind === 'upgrade') {
        this.upgrade = action;
        this.#write(action.goAhead);
      } else if (action.kind === 'handOver') this.handOver = action;
      else if (action.kind === 'dial') this.dials += 1;
      else if (action.kind === 'forward') this.#forwarded += textOf(action.data);
      else if (action.kind === 'hangUp') this.hangUps += 1;
      else this.close = action;
    }
    return this;
  }

  #write(data: string | Uint8Array): void {
    const text = textOf(data);
    if (text !== '') this.writes.push(text);
    this.#said += text;
  }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
}
