import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Action } from '../dialogue/action.ts';
import { Machine } from '../dialogue/machine.ts';
import type { Scene } from '../dialogue/protocol.ts';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { SallyportError } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { startsClientHello } from '../wire/client-hello.ts';
import { Deadline } from './deadline.ts';
import { farewellTo } from './farewell.ts';
import { firstBytes } from './first-bytes.ts';
import { connectionFailure } from './handshake-failure.ts';
import { relay } from './relay.ts';
import { runApplication } from './run-application.ts';
import { type Application, type RemoteAddress, Session } from './session.ts';
import type { SessionEnd } from './session-end.ts';
import type { TlsTerminator } from './terminator.ts';
import { tlsFacts } from './tls-facts.ts';
import { upgrade } from './upgrade.ts';
import { UpstreamLink, type UpstreamService } from './upstream-link.ts';

/** What the connections of one listener share. */
export interface Service {
  readonly options: ResolvedOptions;
  readonly scene: Scene;
  readonly terminator: TlsTerminator;
  readonly application: Application | undefined;
  /** Where we are a proxy: what is dialled takes the application's place. */
  readonly upstream: UpstreamService | undefined;
  secured(id: string, facts: TlsFacts): void;
  ended(driver: Driver, end: SessionEnd): void;
}

type Upgrade = Extract<Action, { kind: 'upgrade' }>;
type HandOver = Extract<Action, { kind: 'handOver' }>;
type Phase = 'dialogue' | 'handshake' | 'session' | 'closing';

/**
 * Performs one machine's actions on one socket, from accepting to closing: the only place where dialogue,
 * socket, deadlines and TLS meet.
 */
export class Driver {
  readonly id: string;
  readonly remote: RemoteAddress;
  readonly #service: Service;
  readonly #raw: Socket;
  readonly #startedAt = performance.now();
  /** What is read and written now: the raw socket, and after the upgrade the TLS socket. */
  #stream: Socket;
  #machine: Machine | undefined;
  #deadline: Deadline | undefined;
  #phase: Phase = 'dialogue';
  #tls: TlsFacts | undefined;
  #session: Session | undefined;
  #error: SallyportError | undefined;
  #link: UpstreamLink | undefined;
  /** Runs while the upstream's next word is awaited. */
  #patience: Deadline | undefined;
  /** Settles when the handshake is over, either way; `undefined` when it is. */
  #handshake: Promise<void> | undefined;
  #draining = false;
  /** TLS came first: the dialogue has not begun when the handshake is done. */
  #implicit = false;
  /** The handshake fails without an ALPN protocol. */
  #requireAlpn = false;

  constructor(id: string, raw: Socket, service: Service) {
    this.id = id;
    this.remote = { address: raw.remoteAddress ?? '', port: raw.remotePort ?? 0 };
    this.#service = service;
    this.#raw = raw;
    this.#stream = raw;
    // Never removed: a reset can come before, between and after everything else.
    raw.on('error', error => this.#broken(error));
    raw.on('close', () => {
      // A handshake that fails closes the socket first, and says why in the same turn.
      if (this.#handshake === undefined) this.#ended();
      else void this.#handshake.then(() => this.#ended());
    });
  }

  start(): void {
    const { options, scene, upstream } = this.#service;
    this.#machine = new Machine({
      protocol: options.protocol,
      role: upstream === undefined ? 'server' : 'proxy',
      scene,
      badCommands: options.badCommands,
      plaintextAfterUpgrade: options.plaintextAfterUpgrade,
    });
    if (options.tls === 'implicit') {
      this.#tlsFirst();
      return;
    }
    this.#watch(options.commandTimeout, options.dialogueTimeout);
    if (options.tls === 'auto') this.#detect();
    else this.#plainFirst();
  }

  /** Ends the dialogue with the protocol's farewell; lets a handshake or a session go on. */
  drain(): void {
    this.#draining = true;
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
    const { options, scene } = this.#service;
    farewellTo(this.#raw, options.tls === 'implicit' ? undefined : options.protocol.farewell(error, scene));
  }

  #plainFirst(): void {
    this.#converse(this.#raw);
    this.#raw.resume();
    if (this.#machine !== undefined) this.#perform(this.#machine.start());
  }

  #tlsFirst(early?: Uint8Array): void {
    this.#implicit = true;
    this.#requireAlpn = this.#service.options.protocol.implicitRequiresAlpn === true;
    this.#secure(
      upgrade(this.#raw, { ...this.#upgradeOptions(), ...(early === undefined ? {} : { early }) }),
    );
  }

  /** One port for both: the first byte tells, and who speaks first waits a moment for it. */
  #detect(): void {
    const { protocol, detectTimeout } = this.#service.options;
    firstBytes(this.#raw, protocol.speaksFirst === 'server' ? detectTimeout : 0, first => {
      if (this.#phase !== 'dialogue') return;
      if (first !== undefined && startsClientHello(first)) this.#tlsFirst(first);
      else {
        this.#plainFirst();
        if (first !== undefined) this.#receive(first);
      }
    });
  }

  #converse(stream: Socket): void {
    stream.on('data', (data: Buffer) => this.#receive(data));
    stream.on('end', () => {
      if (this.#machine !== undefined) this.#perform(this.#machine.ended());
    });
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
    if (actions.length > 1 && actions.at(-1)?.kind === 'upgrade') this.#stream.cork();
    for (const action of actions) {
      if (action.kind === 'write') this.#write(action.data);
      else if (action.kind === 'drain') this.#drain();
      else if (action.kind === 'upgrade') this.#upgrade(action);
      else if (action.kind === 'dial') this.#dial();
      else if (action.kind === 'forward') this.#link?.write(action.data);
      else if (action.kind === 'hangUp') this.#hangUp();
      else if (action.kind === 'handOver') this.#handOver(action);
      else this.#close(action.error);
    }
    this.#regulate();
  }

  #write(data: string | Uint8Array): void {
    const stream = this.#stream;
    if (stream.destroyed || !stream.writable || stream.write(data, 'latin1')) return;
    stream.pause();
    stream.once('drain', () => this.#regulate());
  }

  /**
   * A client that sends and never reads is read no further until it takes its replies; nor is one that does not
   * wait for the upstream's.
   */
  #regulate(): void {
    if (this.#phase !== 'dialogue' || this.#machine === undefined) return;
    const { awaitsUpstream } = this.#machine;
    if (awaitsUpstream || this.#stream.writableNeedDrain) this.#stream.pause();
    else this.#stream.resume();
    if (awaitsUpstream) this.#beginPatience();
    else this.#patience = this.#patience?.stop();
  }

  /** Who dials has a deadline of his own, and this one is for both. */
  #beginPatience(): void {
    const { timeout = 0 } = this.#service.upstream ?? {};
    this.#patience ??= new Deadline(0, timeout, () => this.#fail(new SallyportError('ERR_UPSTREAM_TIMEOUT')));
  }

  #dial(): void {
    const { upstream } = this.#service;
    if (upstream === undefined) return;
    const { localAddress = '', localPort = 0 } = this.#raw;
    const request = {
      session: this.id,
      remote: this.remote,
      local: { address: localAddress, port: localPort },
      tls: this.#tls,
    };
    const perform = (act: (machine: Machine) => readonly Action[]) => {
      if (this.#machine !== undefined) this.#perform(act(this.#machine));
    };
    this.#link = new UpstreamLink(upstream.dial(request), {
      connected: greeted => perform(machine => machine.connected({ greeted })),
      received: data => perform(machine => machine.receiveAnswer(data)),
      ended: () => perform(machine => machine.upstreamEnded()),
      failed: error => this.#fail(error),
    });
  }

  #hangUp(): void {
    this.#link?.destroy();
    this.#link = undefined;
  }

  #drain(): void {
    const go = () => {
      if (this.#phase === 'dialogue' && this.#machine !== undefined) this.#perform(this.#machine.drained());
    };
    if (this.#stream.writableNeedDrain) this.#stream.once('drain', go);
    else go();
  }

  #upgrade({ goAhead, early, skipWhitespace, requireAlpn, servername }: Upgrade): void {
    const { options, scene } = this.#service;
    this.#requireAlpn = requireAlpn;
    const unread = this.#raw.readableLength > 0;
    const error = unread ? new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE') : undefined;
    const refusal = error === undefined ? undefined : options.protocol.farewell(error, scene);
    this.#secure(
      upgrade(this.#raw, {
        ...this.#upgradeOptions(),
        goAhead,
        skipWhitespace,
        ...(early === undefined ? {} : { early }),
        ...(servername === undefined ? {} : { servername }),
        ...(refusal === undefined ? {} : { refusal }),
      }),
    );
  }

  #upgradeOptions() {
    const { options, terminator } = this.#service;
    const { handshakeTimeout, plaintextAfterUpgrade } = options;
    return { terminator, handshakeTimeout, plaintextAfterUpgrade };
  }

  #secure(handshake: Promise<TLSSocket>): void {
    this.#phase = 'handshake';
    this.#deadline?.stop();
    this.#handshake = handshake.then(
      secure => {
        this.#handshake = undefined;
        this.#secured(secure);
      },
      error => {
        this.#phase = 'closing';
        this.#error ??= connectionFailure(error);
        this.#machine?.fail(this.#error);
      },
    );
  }

  #secured(secure: TLSSocket): void {
    this.#phase = 'dialogue';
    this.#stream = secure;
    this.#tls = tlsFacts(secure);
    secure.on('error', error => this.#broken(error));
    const machine = this.#machine;
    if (machine === undefined || secure.destroyed) return;
    if (this.#requireAlpn && this.#tls.alpn === undefined) {
      this.destroy(new SallyportError('ERR_HANDSHAKE_ALPN'));
      return;
    }
    this.#service.secured(this.id, this.#tls);
    this.#watch(this.#service.options.idleTimeout, 0);
    this.#converse(secure);
    this.#perform(this.#implicit ? machine.start(this.#tls) : machine.secured(this.#tls));
    if (this.#draining) this.drain();
  }

  #handOver({ unread, answer, introduction }: HandOver): void {
    const application = this.#service.application ?? this.#relayTo(this.#link, answer);
    this.#phase = 'session';
    this.#machine = undefined;
    this.#deadline?.stop();
    this.#patience?.stop();
    const { hostname, idleTimeout, protocol } = this.#service.options;
    this.#session = runApplication({
      application,
      unread,
      idleTimeout,
      facts: {
        id: this.id,
        peer: this.remote,
        stream: this.#stream,
        introduction,
        hostname,
        protocol: protocol.name,
        tls: this.#tls,
      },
      ended: error => (error === undefined ? this.#close(undefined) : this.#fail(error)),
    });
  }

  /** What takes the application's place in a proxy. */
  #relayTo(link: UpstreamLink | undefined, answer: Uint8Array | undefined): Application {
    return async session => {
      const upstream = link?.release();
      if (upstream === undefined) throw new SallyportError('ERR_UPSTREAM_CLOSED');
      if (answer !== undefined && answer.length > 0) upstream.unshift(answer);
      await relay(session.stream, upstream);
    };
  }

  #watch(quiet: number, total: number): void {
    this.#deadline?.stop();
    this.#deadline = new Deadline(quiet, total, code => {
      this.#fail(new SallyportError(code === 'total' ? 'ERR_DIALOGUE_TIMEOUT' : this.#quietError()));
    });
  }

  #quietError() {
    return this.#tls === undefined ? 'ERR_COMMAND_TIMEOUT' : 'ERR_IDLE_TIMEOUT';
  }

  #fail(error: SallyportError): void {
    if (this.#machine !== undefined) {
      this.#perform(this.#machine.fail(error));
      return;
    }
    const { options, scene } = this.#service;
    this.#close(error, options.protocol.farewell(error, scene));
  }

  #close(error: SallyportError | undefined, words?: string): void {
    if (this.#phase === 'closing') return;
    this.#phase = 'closing';
    this.#error ??= error;
    this.#machine = undefined;
    this.#deadline?.stop();
    this.#patience?.stop();
    this.#link?.destroy();
    this.#stream.setTimeout(0);
    farewellTo(this.#stream, words);
  }

  #broken(error: Error): void {
    // All has been said: a client that resets instead of reading our close_notify changes nothing.
    if (this.#phase === 'closing') return;
    this.#error ??= connectionFailure(error);
  }

  #ended(): void {
    this.#deadline?.stop();
    this.#patience?.stop();
    this.#link?.destroy();
    this.#machine = undefined;
    this.#service.ended(this, {
      session: this.id,
      protocol: this.#service.options.protocol.name,
      role: this.#service.upstream === undefined ? 'server' : 'proxy',
      remote: this.remote,
      duration: performance.now() - this.#startedAt,
      bytesIn: this.#raw.bytesRead,
      bytesOut: this.#raw.bytesWritten,
      upstream: this.#link?.end,
      tls: this.#tls,
      error: this.#error,
    });
  }
}
