import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Action } from '../dialogue/action.ts';
import type { Machine } from '../dialogue/machine.ts';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { SallyportError } from '../errors.ts';
import { startsClientHello } from '../wire/client-hello.ts';
import type { ProxyHeader } from '../wire/proxy-header.ts';
import type { Admission } from './admission.ts';
import type { Counted, Phase, Traffic } from './census.ts';
import { ClientSide } from './client-side.ts';
import { Deadline } from './deadline.ts';
import { type Ends, endsByHeader, endsOf } from './ends.ts';
import { farewellTo } from './farewell.ts';
import { firstBytes } from './first-bytes.ts';
import { type Follow, followOptions } from './follow-options.ts';
import { connectionFailure } from './handshake-failure.ts';
import { Progress } from './progress.ts';
import type { RelayOptions } from './relay.ts';
import { runApplication } from './run-application.ts';
import { machineFor, type Service } from './service.ts';
import { type RemoteAddress, Session } from './session.ts';
import { startImplicitTls, startTls } from './start-tls.ts';
import { tlsFacts } from './tls-facts.ts';
import { UpstreamSide } from './upstream-side.ts';

type Tell = (machine: Machine) => readonly Action[];
type HandOver = Extract<Action, { kind: 'handOver' }>;

/**
 * Performs one machine's actions on one socket, from accepting to closing: the only place where dialogue,
 * socket, deadlines and TLS meet.
 */
export class Driver implements Counted {
  readonly id: string;
  #ends: Ends;
  readonly #service: Service;
  readonly #admission: Admission;
  readonly #raw: Socket;
  readonly #client: ClientSide;
  /** Where we are a proxy. */
  readonly #upstream: UpstreamSide | undefined;
  readonly #progress: Progress;
  #machine: Machine | undefined;
  #deadline: Deadline | undefined;
  #phase: Phase = 'dialogue';
  #tls: TlsFacts | undefined;
  #session: Session | undefined;
  #error: SallyportError | undefined;
  /** Why the last upgrade was refused, where the dialogue went on: the client's leaving follows from it. */
  #refusal: SallyportError | undefined;
  /** Settles when the handshake is over, either way; `undefined` when it is. */
  #handshake: Promise<void> | undefined;
  #draining = false;
  /** Bytes of plaintext that came behind an upgrade command. */
  #dropped = 0;
  readonly #drained = new AbortController();
  /** TLS came first: the dialogue has not begun when the handshake is done. */
  #implicit = false;
  /** The handshake fails without an ALPN protocol. */
  #requireAlpn = false;

  constructor(id: string, raw: Socket, service: Service, admission: Admission) {
    this.id = id;
    this.#admission = admission;
    this.#ends = endsOf(raw);
    this.#service = service;
    this.#raw = raw;
    this.#client = new ClientSide(raw, {
      received: data => this.#receive(data),
      ended: () => this.#advance(machine => machine.ended()),
      drained: () => this.#regulate(),
    });
    this.#progress = new Progress((milestone, elapsed) => service.reached(id, milestone, elapsed));
    const act = (tell: Tell) => this.#advance(tell);
    const failed = (error: SallyportError) => this.#fail(error);
    this.#upstream = service.upstream && new UpstreamSide(service.upstream, { act, failed });
    // Never removed: a reset can come before, between and after everything else.
    raw.on('error', error => this.#broken(error));
    raw.on('close', () => {
      // A handshake that fails closes the socket first, and says why in the same turn.
      if (this.#handshake === undefined) this.#ended();
      else void this.#handshake.then(() => this.#ended());
    });
  }

  /** The client: the other end, or whom its PROXY header names. */
  get remote(): RemoteAddress {
    return this.#ends.remote;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get traffic(): Traffic {
    const { bytesIn = 0, bytesOut = 0 } = this.#upstream?.end ?? {};
    const { bytesRead, bytesWritten } = this.#raw;
    return { bytesIn: bytesRead, bytesOut: bytesWritten, upstreamIn: bytesIn, upstreamOut: bytesOut };
  }

  /** Whether it is open and nothing has been said yet. */
  get waits(): boolean {
    return this.#phase === 'dialogue' && this.#machine === undefined && !this.#raw.destroyed;
  }

  /** Takes the word of a PROXY header for whose connection this is. */
  identify(header: ProxyHeader): void {
    this.#ends = endsByHeader(header) ?? this.#ends;
  }

  start(): void {
    const { options } = this.#service;
    this.#machine = machineFor(this.#service);
    if (options.tls === 'implicit') {
      // What lies behind a PROXY header has been read already, and stays in the socket.
      this.#tlsFirst(new Uint8Array());
      return;
    }
    this.#watch(options.commandTimeout, options.dialogueTimeout);
    if (options.tls === 'auto') this.#detect();
    else this.#plainFirst();
  }

  /** Ends the dialogue with the protocol's farewell; lets a handshake or a session go on. */
  drain(): void {
    this.#draining = true;
    this.#drained.abort();
    if (this.#phase === 'dialogue') this.#fail(new SallyportError('ERR_SHUTTING_DOWN'));
    if (this.#session !== undefined) Session.drain(this.#session);
  }

  destroy(error: SallyportError): void {
    this.#error ??= error;
    this.#raw.destroy();
  }

  /** Says the farewell that fits `error`, without a dialogue: the connection is one too many. */
  turnAway(error: SallyportError): void {
    this.#phase = 'closing';
    this.#error = error;
    farewellTo(this.#raw, this.#service.options.tls === 'implicit' ? undefined : this.#farewell(error));
  }

  #plainFirst(first?: Buffer): void {
    this.#client.converse(this.#raw);
    this.#raw.resume();
    this.#advance(machine => machine.start());
    if (first !== undefined) this.#receive(first);
  }

  #tlsFirst(early: Uint8Array): void {
    this.#implicit = true;
    this.#requireAlpn = this.#service.options.protocol.implicitRequiresAlpn === true;
    this.#whenAllowed(
      () => this.#secure(early.length, () => startImplicitTls(this.#raw, this.#service, early)),
      refusal => this.#close(refusal),
    );
  }

  /** One port for both: the first byte tells, and who speaks first waits a moment for it. */
  #detect(): void {
    const { protocol, detectTimeout } = this.#service.options;
    firstBytes(this.#raw, protocol.speaksFirst === 'server' ? detectTimeout : 0, first => {
      if (this.#phase !== 'dialogue') return;
      if (first !== undefined && startsClientHello(first)) this.#tlsFirst(first);
      else this.#plainFirst(first);
    });
  }

  #advance(tell: Tell): void {
    if (this.#machine !== undefined) this.#perform(tell(this.#machine));
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
    if (actions.length > 1 && actions.at(-1)?.kind === 'upgrade') this.#client.stream.cork();
    for (const action of actions) {
      if (action.kind === 'write') this.#write(action.data);
      else if (action.kind === 'drain') this.#drain();
      else if (action.kind === 'upgrade') {
        this.#upgrade(action);
      } else if (action.kind === 'dial') {
        const { upgradeCommand } = action;
        this.#upstream?.dial({ session: this.id, ...this.#ends, tls: this.#tls, upgradeCommand });
      } else if (action.kind === 'forward') this.#upstream?.forward(action.data);
      else if (action.kind === 'hangUp') this.#upstream?.hangUp();
      else if (action.kind === 'handOver') this.#handOver(action);
      else this.#close(action.error);
    }
    this.#regulate();
  }

  /** A client that does not wait for the upstream's word is read no further. */
  #regulate(): void {
    if (this.#phase !== 'dialogue' || this.#machine === undefined) return;
    const { awaitsUpstream } = this.#machine;
    this.#client.regulate({ wait: awaitsUpstream });
    this.#upstream?.await(awaitsUpstream);
  }

  #drain(): void {
    this.#client.whenDrained(() => {
      if (this.#phase === 'dialogue') this.#advance(machine => machine.drained());
    });
  }

  #write(data: string | Uint8Array): void {
    if (this.#tls === undefined) this.#progress.reach('greeted');
    this.#client.write(data);
  }

  #upgrade(action: Extract<Action, { kind: 'upgrade' }>): void {
    this.#requireAlpn = action.requireAlpn;
    this.#progress.reach('asked');
    const secure = () => {
      if (action.early === undefined) this.#dropped += this.#raw.readableLength;
      this.#secure(action.early?.length ?? 0, () => startTls(this.#raw, this.#service, action));
    };
    this.#whenAllowed(secure, refusal => this.#refuse(refusal));
  }

  /**
   * Asks the limits before a handshake: in this very turn where there are none. The socket is paused meanwhile, so
   * that what comes is seen by the upgrade, as if it had been there all along.
   */
  #whenAllowed(secure: () => void, refuse: (refusal: SallyportError) => void): void {
    this.#phase = 'handshake';
    const asked = this.#admission.secure(this.remote.address);
    if (asked === undefined) {
      secure();
      return;
    }
    this.#raw.pause();
    void asked.then(refusal => {
      if (this.#phase !== 'handshake' || this.#raw.destroyed) return;
      if (refusal === undefined) {
        secure();
        return;
      }
      this.#phase = 'dialogue';
      refuse(refusal);
      if (this.#draining) this.drain();
    });
  }

  #refuse(refusal: SallyportError): void {
    this.#refusal = refusal;
    this.#advance(machine => machine.refused(refusal));
    // The replies that were to leave with the go-ahead, and the refusal in its place.
    while (this.#raw.writableCorked > 0) this.#raw.uncork();
  }

  /** `early` is how many bytes of TLS have been read already. */
  #secure(early: number, begin: () => Promise<TLSSocket>): void {
    this.#deadline?.stop();
    const startedAt = performance.now();
    const before = this.#raw.bytesRead - this.#raw.readableLength - early;
    this.#handshake = begin().then(
      secure => {
        this.#handshake = undefined;
        this.#secured(secure, performance.now() - startedAt);
      },
      error => {
        this.#phase = 'closing';
        this.#error ??= connectionFailure(error);
        if (this.#raw.bytesRead > before && mayBeTls(this.#error)) this.#progress.reach('clientHello');
        this.#machine?.fail(this.#error);
      },
    );
  }

  #secured(secure: TLSSocket, took: number): void {
    this.#progress.reach('clientHello');
    this.#phase = 'dialogue';
    this.#refusal = undefined;
    this.#tls = tlsFacts(secure);
    secure.on('error', error => this.#broken(error));
    if (this.#machine === undefined || secure.destroyed) return;
    if (this.#requireAlpn && this.#tls.alpn === undefined) {
      this.destroy(new SallyportError('ERR_HANDSHAKE_ALPN'));
      return;
    }
    this.#progress.reach('secured');
    this.#service.secured(this.id, this.#tls, took);
    this.#watch(this.#service.options.idleTimeout, 0);
    this.#client.converse(secure);
    const facts = this.#tls;
    this.#advance(machine => (this.#implicit ? machine.start(facts) : machine.secured(facts)));
    if (this.#draining) this.drain();
  }

  #handOver({ unread, answer, introduction }: HandOver): void {
    this.#phase = 'session';
    this.#progress.handOver({ tls: this.#tls !== undefined });
    this.#retire();
    this.#deadline?.stop();
    const { application, options } = this.#service;
    const { hostname, idleTimeout, protocol } = options;
    const { stream } = this.#client;
    if (application === undefined) {
      this.#relay(stream, { unread, answer, idleTimeout });
      return;
    }
    const [id, peer, tls] = [this.id, this.remote, this.#tls];
    this.#session = runApplication({
      application,
      unread,
      idleTimeout,
      facts: { id, peer, stream, introduction, hostname, protocol: protocol.name, tls },
      ended: error => (error === undefined ? this.#close(undefined) : this.#fail(error)),
    });
  }

  /** What takes the application's place in a proxy. */
  #relay(stream: Socket, options: RelayOptions): void {
    const { follow } = this.#service.options.protocol;
    if (follow !== undefined) {
      this.#follow(stream, follow, options);
      return;
    }
    this.#upstream?.relay(stream, options).then(
      () => this.#close(undefined),
      error => this.destroy(error),
    );
  }

  #follow(stream: Socket, follow: Follow, { unread, answer }: RelayOptions): void {
    const { upstream: service } = this.#service;
    if (service === undefined) return;
    const session = {
      client: stream,
      remote: this.remote,
      servername: this.#tls?.servername,
      unread,
      answer,
      draining: this.#drained.signal,
    };
    const side = this.#upstream?.follow(stream, upstream => {
      return followOptions(follow, this.#service, { ...session, upstream, data: service.data });
    });
    side?.then(
      () => this.#close(undefined),
      error => this.#fail(error),
    );
  }

  #watch(quiet: number, total: number): void {
    this.#deadline?.stop();
    this.#deadline = new Deadline(quiet, total, code => {
      const quietCode = this.#tls === undefined ? 'ERR_COMMAND_TIMEOUT' : 'ERR_IDLE_TIMEOUT';
      this.#fail(new SallyportError(code === 'total' ? 'ERR_DIALOGUE_TIMEOUT' : quietCode));
    });
  }

  #fail(error: SallyportError): void {
    if (this.#machine !== undefined) this.#perform(this.#machine.fail(error));
    else this.#close(error, this.#farewell(error));
  }

  #farewell(error: SallyportError): string | undefined {
    return this.#service.options.protocol.farewell(error, this.#service.scene);
  }

  #close(error: SallyportError | undefined, words?: string): void {
    if (this.#phase === 'closing') return;
    this.#phase = 'closing';
    this.#error ??= error;
    this.#retire();
    this.#deadline?.stop();
    this.#upstream?.destroy();
    this.#client.stream.setTimeout(0);
    farewellTo(this.#client.stream, words);
  }

  /** The dialogue is over. */
  #retire(): void {
    this.#dropped += this.#machine?.dropped ?? 0;
    this.#machine = undefined;
  }

  #broken(error: Error): void {
    // All has been said: a client that resets instead of reading our close_notify changes nothing.
    if (this.#phase === 'closing') return;
    this.#error ??= connectionFailure(error);
  }

  #ended(): void {
    this.#deadline?.stop();
    this.#upstream?.destroy();
    this.#retire();
    this.#service.ended(this, {
      session: this.id,
      protocol: this.#service.options.protocol.name,
      role: this.#upstream === undefined ? 'server' : 'proxy',
      remote: this.remote,
      duration: this.#progress.elapsed,
      reached: this.#progress.reached,
      bytesIn: this.#raw.bytesRead,
      bytesOut: this.#raw.bytesWritten,
      dropped: this.#dropped,
      upstream: this.#upstream?.end,
      tls: this.#tls,
      error: this.#refusal ?? this.#error,
    });
  }
}

/** Whether what failed was TLS: not where the client sent something else, before the go-ahead or behind it. */
function mayBeTls({ code }: SallyportError): boolean {
  return code !== 'ERR_HANDSHAKE_NOT_TLS' && code !== 'ERR_PLAINTEXT_AFTER_UPGRADE';
}
