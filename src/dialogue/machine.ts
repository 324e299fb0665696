import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';
import { startsClientHello } from '../wire/client-hello.ts';
import { Inbox } from '../wire/inbox.ts';
import { beginsProxyHeader } from '../wire/proxy-header.ts';
import type { Action } from './action.ts';
import { type Channel, type Dialogue, type Need, Peer } from './peer.ts';
import type { Protocol, Scene } from './protocol.ts';
import type { TlsFacts } from './tls-facts.ts';
import { Upstream } from './upstream.ts';

export interface MachineOptions {
  readonly protocol: Protocol;
  /** A `proxy` is a server whose dialogue may also speak with the upstream. */
  readonly role: 'server' | 'proxy' | 'probe';
  readonly scene: Scene;
  /** Bad commands that are answered before the next one ends the dialogue. */
  readonly badCommands: number;
  readonly plaintextAfterUpgrade: 'refuse' | 'discard';
}

type State = 'new' | 'waiting' | 'draining' | 'dialling' | 'upgrading' | 'over';

const NOTHING: readonly Action[] = Object.freeze([]);

/**
 * Runs one dialogue: bytes in, actions out; no I/O, no clock. Call `start` once, `receive`, `drained` and
 * `ended` for what the socket says, `secured` after a handshake, `fail` for a deadline; for a proxy's other
 * socket `connected`, `receiveAnswer` and `upstreamEnded`. Perform each action returned.
 * It never throws: whatever a peer sends leads to actions, and every error to a `close` with that error.
 */
export class Machine {
  readonly #options: MachineOptions;
  readonly #channel: Channel;
  #state: State = 'new';
  #peer: Peer | undefined;
  #dialogue: Dialogue | undefined;
  #upstream: Upstream | undefined;
  /** Whom the dialogue waits for. */
  #awaited: 'peer' | 'upstream' | 'either' = 'peer';
  /** What was put off until the upstream is connected. */
  #postponed: (() => readonly Action[]) | undefined;
  /** Whether the dialogue that asked for TLS goes on after the handshake. */
  #resumes = false;
  /** What is said where the limits refuse the upgrade: the dialogue's own words, the farewell, or nothing. */
  #refusal: 'reply' | 'farewell' | 'silence' = 'farewell';
  /** What the dialogue under TLS reads first. */
  #carry = '';

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#channel = {
      inbox: new Inbox(),
      outbox: [],
      queued: 0,
      ended: false,
      closedAs: 'ERR_PEER_CLOSED',
      patience: options.badCommands,
      tls: undefined,
      plaintextAfterUpgrade: options.plaintextAfterUpgrade,
      dropped: 0,
    };
  }

  /** Bytes that the dialogue has consumed: it grows with each whole line, not with each byte. */
  get consumed(): number {
    return this.#channel.inbox.consumed;
  }

  /** Bytes of plaintext that came behind an upgrade command: dropped, or the reason to refuse. */
  get dropped(): number {
    return this.#channel.dropped;
  }

  /** Whether the next word is the upstream's: until it is said, the client need not be read. */
  get awaitsUpstream(): boolean {
    return this.#state === 'dialling' || (this.#awaitsAnswer && !this.#awaitsPeer);
  }

  /** Begins the dialogue; with `tls` where TLS was on from the first byte. */
  start(tls?: TlsFacts): readonly Action[] {
    return this.#begin(tls, false);
  }

  receive(data: Uint8Array): readonly Action[] {
    if (this.#state !== 'waiting' && this.#state !== 'draining' && this.#state !== 'dialling') return NOTHING;
    this.#channel.inbox.append(data);
    return this.#awaitsPeer ? this.#run() : NOTHING;
  }

  /** All that was written has left. */
  drained(): readonly Action[] {
    return this.#state === 'draining' ? this.#run() : NOTHING;
  }

  /** The peer will send no more. A line that is cut off by this is never executed. */
  ended(): readonly Action[] {
    this.#channel.ended = true;
    return this.#awaitsPeer ? this.#run() : NOTHING;
  }

  /** The upstream has been dialled, and can be spoken to; `greeted` where it has said its greeting already. */
  connected({ greeted = false }: { readonly greeted?: boolean } = {}): readonly Action[] {
    const upstream = this.#upstream;
    const postponed = this.#postponed;
    if (this.#state !== 'dialling' || upstream === undefined || postponed === undefined) return NOTHING;
    upstream.state = 'connected';
    upstream.peer.greeted = greeted;
    this.#postponed = undefined;
    const actions = postponed();
    // The client may have gone on meanwhile.
    return this.#awaitsPeer ? [...actions, ...this.#run()] : actions;
  }

  /** Bytes from the upstream. */
  receiveAnswer(data: Uint8Array): readonly Action[] {
    if (this.#state === 'over' || this.#upstream === undefined) return NOTHING;
    this.#upstream.receive(data);
    return this.#awaitsAnswer ? this.#run() : NOTHING;
  }

  /** The upstream will say no more: the dialogue ends, unless all it needs has been said. */
  upstreamEnded(): readonly Action[] {
    if (this.#state === 'over' || this.#upstream === undefined) return NOTHING;
    this.#upstream.end();
    if (this.#awaitsAnswer) return this.#run();
    return this.#awaitsPeer ? this.fail(new SallyportError('ERR_UPSTREAM_CLOSED')) : NOTHING;
  }

  /**
   * TLS is on. In the server role a new dialogue begins; nothing of the plaintext one is left, but for what it
   * gave as `carry`.
   */
  secured(tls: TlsFacts): readonly Action[] {
    if (this.#state !== 'upgrading') return NOTHING;
    if (!this.#resumes) return this.#begin(tls, true);
    this.#channel.tls = tls;
    return this.#run();
  }

  /**
   * The limits refuse the upgrade that was asked for, and nothing of it was done. The dialogue goes on where it has
   * words for that and TLS is required. Where it is not, clients would go on in plaintext, because of what others at
   * their address do: so the connection ends.
   */
  refused(error: SallyportError): readonly Action[] {
    if (this.#state !== 'upgrading') return NOTHING;
    return this.#refusal === 'reply' ? this.#run() : this.#close(error, this.#refusal === 'silence');
  }

  /** Ends the dialogue from outside: a deadline, a limit, a shutdown. */
  fail(error: SallyportError): readonly Action[] {
    if (this.#state === 'over') return NOTHING;
    const speechless = this.#state === 'upgrading';
    return this.#close(error, speechless);
  }

  #begin(tls: TlsFacts | undefined, upgraded: boolean): readonly Action[] {
    const { protocol, role, scene, badCommands } = this.#options;
    this.#channel.tls = tls;
    this.#channel.patience = badCommands;
    const client = new Peer(role === 'probe' ? 'server' : 'client', this.#channel, tls, upgraded);
    this.#peer = client;
    if (this.#carry !== '') client.unread(this.#carry);
    this.#carry = '';
    this.#upstream = role === 'proxy' ? new Upstream() : undefined;
    if (this.#upstream !== undefined) this.#dialogue = protocol.proxy(client, this.#upstream.peer, scene);
    else this.#dialogue = role === 'probe' ? protocol.probe(client, scene) : protocol.server(client, scene);
    return this.#run();
  }

  get #awaitsPeer(): boolean {
    return this.#state === 'waiting' && this.#awaited !== 'upstream';
  }

  get #awaitsAnswer(): boolean {
    return this.#state === 'waiting' && this.#awaited !== 'peer';
  }

  #run(): readonly Action[] {
    const dialogue = this.#dialogue;
    if (dialogue === undefined) return NOTHING;
    try {
      const step = dialogue.next();
      if (step.done !== true) return this.#wait(step.value);
      return step.value === 'close' ? this.#close(undefined, true) : this.#handOver();
    } catch (error) {
      const known = error instanceof SallyportError;
      return this.#close(
        known ? error : new SallyportError('ERR_INTERNAL', undefined, { cause: error }),
        false,
      );
    }
  }

  #wait(need: Need): readonly Action[] {
    if (need.kind === 'tls') return this.#upgrade(need);
    const upstream = this.#upstream;
    if (need.kind === 'connection' && upstream?.state === 'connected') return this.#run();
    if (need.kind === 'connection' && upstream !== undefined) {
      return this.#dial(upstream, () => this.#run(), need.upgradeCommand);
    }
    const awaited = need.kind === 'either' ? 'either' : need.peer === upstream?.peer ? 'upstream' : 'peer';
    const needed = upstream !== undefined && (awaited !== 'peer' || upstream.isAddressed);
    if (needed && upstream.state !== 'connected') return this.#dial(upstream, () => this.#wait(need));
    if (upstream?.ended === true && awaited === 'peer') {
      return this.#close(new SallyportError('ERR_UPSTREAM_CLOSED'), false);
    }
    this.#awaited = awaited;
    if (need.kind === 'drain') {
      this.#state = 'draining';
      return [...this.#written(), { kind: 'drain' }];
    }
    this.#state = 'waiting';
    return this.#channel.outbox.length === 0 && !needed ? NOTHING : this.#written();
  }

  #upgrade(need: Extract<Need, { kind: 'tls' }>): readonly Action[] {
    this.#state = 'upgrading';
    this.#resumes = need.resumes;
    this.#carry = need.carry;
    this.#refusal = this.#refusalOf(need);
    const { goAhead, early, skipWhitespace, requireAlpn, servername } = need;
    const dialled = this.#upstream !== undefined && this.#upstream.state !== 'undialled';
    return [
      ...this.#written(),
      ...(dialled ? [{ kind: 'hangUp' } as const] : []),
      { kind: 'upgrade', goAhead, early, skipWhitespace, requireAlpn, servername },
    ];
  }

  #refusalOf({ refusable, early }: Extract<Need, { kind: 'tls' }>): 'reply' | 'farewell' | 'silence' {
    if (refusable && this.#options.scene.policy === 'required') return 'reply';
    // Who has begun TLS hears nothing in plaintext.
    return startsClientHello(early?.[0]) ? 'silence' : 'farewell';
  }

  /** The net under every protocol file: where TLS is required, nothing is dialled in plaintext. */
  #dial(upstream: Upstream, postponed: () => readonly Action[], upgradeCommand?: string): readonly Action[] {
    if (this.#forbidsPlaintext()) return this.#close(new SallyportError('ERR_TLS_REQUIRED'), false);
    this.#state = 'dialling';
    upstream.state = 'dialling';
    this.#postponed = postponed;
    const dial = { kind: 'dial', ...(upgradeCommand === undefined ? {} : { upgradeCommand }) } as const;
    return [...this.#writtenToClient(), dial];
  }

  /** Nor is anything handed over, nor may the client say who it is: that is not its own to say to an upstream. */
  #handOver(): readonly Action[] {
    if (this.#forbidsPlaintext()) return this.#close(new SallyportError('ERR_TLS_REQUIRED'), false);
    const upstream = this.#upstream;
    const unread = this.#channel.inbox.take();
    if (upstream?.addressed === false && unread.length > 0) {
      const header = beginsProxyHeader(Buffer.from(unread.subarray(0, HEADER_BEGIN)).toString('latin1'));
      if (header === true) return this.#close(new SallyportError('ERR_BAD_SYNTAX', 'PROXY header'), false);
      if (header === undefined) return this.#holdBack(unread);
    }
    if (upstream !== undefined && upstream.state !== 'connected') {
      this.#channel.inbox.append(unread);
      return this.#dial(upstream, () => this.#handOver());
    }
    if (upstream?.ended === true) return this.#close(new SallyportError('ERR_UPSTREAM_CLOSED'), false);
    const answer = upstream?.takeUnread();
    const introduction = this.#peer?.introduction;
    const actions: Action[] = [...this.#written(), { kind: 'handOver', unread, answer, introduction }];
    this.#end();
    return actions;
  }

  /** Holds a hand-over back until more shows what its first bytes begin. */
  #holdBack(unread: Uint8Array): readonly Action[] {
    this.#channel.inbox.append(unread);
    const client = this.#peer;
    if (client !== undefined) this.#dialogue = awaitMore(client, unread.length + 1);
    return this.#run();
  }

  #forbidsPlaintext(): boolean {
    return this.#channel.tls === undefined && this.#options.scene.policy === 'required';
  }

  #close(error: SallyportError | undefined, speechless: boolean): readonly Action[] {
    const { protocol, role, scene } = this.#options;
    if (error !== undefined && !speechless && role !== 'probe') {
      const farewell = protocol.farewell(error, scene, this.#peer);
      if (farewell !== undefined) this.#channel.outbox.push(farewell);
    }
    const actions: Action[] = [...this.#writtenToClient(), { kind: 'close', error }];
    this.#end();
    return actions;
  }

  #end(): void {
    this.#state = 'over';
    this.#dialogue = undefined;
    this.#peer = undefined;
    this.#upstream = undefined;
    this.#awaited = 'peer';
    this.#postponed = undefined;
    this.#channel.inbox.take();
  }

  #written(): readonly Action[] {
    const words = this.#upstream?.isAddressed === true ? this.#upstream.takeWords() : undefined;
    if (words === undefined) return this.#writtenToClient();
    return [...this.#writtenToClient(), { kind: 'forward', data: joined(words) }];
  }

  /** All that was queued, as one write: clients judge a reply by its first segment. */
  #writtenToClient(): readonly Action[] {
    const queued = this.#channel.outbox;
    if (queued.length === 0) return NOTHING;
    this.#channel.outbox = [];
    this.#channel.queued = 0;
    return [{ kind: 'write', data: joined(queued) }];
  }
}

/** As many bytes as tell a PROXY header. */
const HEADER_BEGIN = 12;

function* awaitMore(client: Peer, count: number): Dialogue {
  client.unread(yield* client.bytes(count));
  return 'handOver';
}

function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (parts.every(part => typeof part === 'string'))
    return parts.length === 1 ? (parts[0] ?? '') : parts.join('');
  return Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}
