import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SallyportError } from '../errors.ts';
import { startsClientHello } from '../wire/client-hello.ts';
import type { ProxyHeader } from '../wire/proxy-header.ts';
import type { Counted, Phase, Traffic } from './census.ts';
import { ConnectionState } from './connection-state.ts';
import { DialogueRun, type HandOver } from './dialogue-run.ts';
import { endsByHeader } from './ends.ts';
import { farewellTo } from './farewell.ts';
import { firstBytes } from './first-bytes.ts';
import type { Gate } from './gate.ts';
import { type DrainSession, handOver } from './hand-over.ts';
import { connectionFailure } from './handshake-failure.ts';
import { Securing } from './securing.ts';
import type { Service } from './service.ts';
import type { RemoteAddress } from './session.ts';

/**
 * Takes one connection from accepting to closing: the dialogue, the securing, the dialogue under TLS, the hand-over
 * and the end follow each other here, and here alone.
 */
export class Driver implements Counted {
  /** It holds a place there, once it is admitted. */
  readonly gate: Gate;
  readonly #service: Service;
  readonly #raw: Socket;
  readonly #state: ConnectionState;
  readonly #dialogue: DialogueRun;
  readonly #securing: Securing;
  /** Of the session, once it was handed over. */
  #drainSession: DrainSession | undefined;
  #draining = false;
  /** TLS came first: the dialogue has not begun when the handshake is done. */
  #implicit = false;

  constructor(id: string, raw: Socket, service: Service, gate: Gate) {
    this.gate = gate;
    this.#service = service;
    this.#raw = raw;
    this.#state = new ConnectionState(id, raw, (milestone, elapsed) =>
      service.reached(id, milestone, elapsed),
    );
    this.#dialogue = new DialogueRun(this.#state, service, {
      upgrade: action => this.#securing.upgrade(action),
      handOver: action => this.#handOver(action),
      close: (error, words) => this.#close(error, words),
    });
    this.#securing = new Securing(this.#state, service, gate, {
      refused: refusal => this.#refused(refusal),
      begun: () => this.#dialogue.unwatch(),
      secured: (secure, took) => this.#secured(secure, took),
      failed: error => this.#dialogue.fell(error),
    });
    // Never removed: a reset can come before, between and after everything else.
    raw.on('error', error => this.#broken(error));
    raw.on('close', () => {
      // A handshake that fails closes the socket first, and says why in the same turn.
      const { over } = this.#securing;
      if (over === undefined) this.#ended();
      else void over.then(() => this.#ended());
    });
  }

  /** The client: the other end, or whom its PROXY header names. */
  get remote(): RemoteAddress {
    return this.#state.ends.remote;
  }

  get phase(): Phase {
    return this.#state.phase;
  }

  get traffic(): Traffic {
    return this.#state.traffic(this.#dialogue.upstream?.end);
  }

  /** Whether it is open and nothing has been said yet. */
  get waits(): boolean {
    return this.#state.phase === 'dialogue' && !this.#dialogue.going && !this.#raw.destroyed;
  }

  /** Takes the word of a PROXY header for whose connection this is. */
  identify(header: ProxyHeader): void {
    this.#state.ends = endsByHeader(header) ?? this.#state.ends;
  }

  start(): void {
    const { options } = this.#service;
    this.#dialogue.begin();
    if (options.tls === 'implicit') {
      // What lies behind a PROXY header has been read already, and stays in the socket.
      this.#tlsFirst(new Uint8Array());
      return;
    }
    this.#dialogue.watch(options.commandTimeout, options.dialogueTimeout);
    if (options.tls === 'auto') this.#detect();
    else this.#plainFirst();
  }

  /** Ends the dialogue with the protocol's farewell; lets a handshake or a session go on. */
  drain(): void {
    this.#draining = true;
    if (this.#state.phase === 'dialogue') this.#dialogue.fail(new SallyportError('ERR_SHUTTING_DOWN'));
    this.#drainSession?.();
  }

  destroy(error: SallyportError): void {
    this.#state.endsBy(error);
    this.#raw.destroy();
  }

  /** Says the farewell that fits `error`, without a dialogue: the connection is one too many. */
  turnAway(error: SallyportError): void {
    this.#state.phase = 'closing';
    this.#state.endsBy(error);
    const implicit = this.#service.options.tls === 'implicit';
    farewellTo(this.#raw, implicit ? undefined : this.#dialogue.farewell(error));
  }

  #plainFirst(first?: Buffer): void {
    this.#raw.resume();
    this.#dialogue.converse(this.#raw, machine => machine.start(), first);
  }

  #tlsFirst(early: Uint8Array): void {
    this.#implicit = true;
    this.#securing.implicit(early);
  }

  /** One port for both: the first byte tells, and who speaks first waits a moment for it. */
  #detect(): void {
    const { protocol, detectTimeout } = this.#service.options;
    firstBytes(this.#raw, protocol.speaksFirst === 'server' ? detectTimeout : 0, first => {
      if (this.#state.phase !== 'dialogue') return;
      if (first !== undefined && startsClientHello(first)) this.#tlsFirst(first);
      else this.#plainFirst(first);
    });
  }

  #refused(refusal: SallyportError): void {
    if (this.#implicit) this.#close(refusal);
    else {
      this.#state.refusal = refusal;
      this.#dialogue.advance(machine => machine.refused(refusal));
      // The replies that were to leave with the go-ahead, and the refusal in its place.
      while (this.#raw.writableCorked > 0) this.#raw.uncork();
    }
    if (this.#draining) this.drain();
  }

  #secured(secure: TLSSocket, took: number): void {
    const { id, tls, progress } = this.#state;
    secure.on('error', error => this.#broken(error));
    if (tls === undefined || !this.#dialogue.going || secure.destroyed) return;
    if (this.#securing.lacksAlpn) {
      this.destroy(new SallyportError('ERR_HANDSHAKE_ALPN'));
      return;
    }
    progress.reach('secured');
    this.#service.secured(id, tls, took);
    this.#dialogue.watch(this.#service.options.idleTimeout, 0);
    this.#dialogue.converse(secure, machine => (this.#implicit ? machine.start(tls) : machine.secured(tls)));
    if (this.#draining) this.drain();
  }

  #handOver(action: HandOver): void {
    const state = this.#state;
    state.phase = 'session';
    state.progress.handOver({ tls: state.tls !== undefined });
    this.#dialogue.retire();
    const { client, upstream } = this.#dialogue;
    this.#drainSession = handOver(action, {
      state,
      service: this.#service,
      stream: client.stream,
      upstream,
      ended: error => (error === undefined ? this.#close(undefined) : this.#dialogue.fail(error)),
      broken: error => this.destroy(error),
    });
  }

  #close(error: SallyportError | undefined, words?: string): void {
    if (this.#state.phase === 'closing') return;
    this.#state.phase = 'closing';
    this.#state.endsBy(error);
    this.#dialogue.retire();
    const { client, upstream } = this.#dialogue;
    upstream?.destroy();
    client.stream.setTimeout(0);
    farewellTo(client.stream, words);
  }

  #broken(error: Error): void {
    // All has been said: a client that resets instead of reading our close_notify changes nothing.
    if (this.#state.phase === 'closing') return;
    this.#state.endsBy(connectionFailure(error));
  }

  #ended(): void {
    const { upstream } = this.#dialogue;
    upstream?.destroy();
    this.#dialogue.retire();
    const protocol = this.#service.options.protocol.name;
    const role = upstream === undefined ? 'server' : 'proxy';
    this.#service.ended(this, this.#state.end({ protocol, role, upstream: upstream?.end }));
  }
}
