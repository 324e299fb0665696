import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Protocol } from './dialogue/protocol.ts';
import type { TlsFacts } from './dialogue/tls-facts.ts';
import type { SallyportError } from './errors.ts';
import { type Log, silent } from './log.ts';
import { Admission } from './net/admission.ts';
import type { Census } from './net/census.ts';
import { DropLog } from './net/drop-log.ts';
import type { Gate } from './net/gate.ts';
import { Listener, type ListenOptions } from './net/listener.ts';
import type { Milestone } from './net/progress.ts';
import { ProxyNetworks } from './net/proxy-preamble.ts';
import type { Service } from './net/service.ts';
import type { Application } from './net/session.ts';
import { logSessionEnd, type SessionEnd } from './net/session-end.ts';
import { TlsTerminator } from './net/terminator.ts';
import type { UpstreamService } from './net/upstream-link.ts';
import {
  type Certificate,
  type ResolvedOptions,
  resolveOptions,
  type ServerOptions,
  type TlsOptions,
  withoutTls,
} from './options.ts';

/** The events of a server and what their listeners get. */
export interface ServerEvents {
  listening: [address: AddressInfo];
  /** A connection has come so far, `elapsed` ms after it was accepted; `undefined` where that was passed over. */
  milestone: [session: string, milestone: Milestone, elapsed: number | undefined];
  /** A handshake is done: the session's id, what was negotiated, and how many ms it took. */
  secure: [session: string, facts: TlsFacts, took: number];
  /** A connection is over, for whatever reason: once for each, also for those turned away. */
  end: [end: SessionEnd];
  /** A connection was dropped before anything was said: more than the limit, and more than can be told so. */
  drop: [];
  /** The listening socket failed. Not thrown when nobody listens: it is logged as well. */
  failure: [error: SallyportError];
}

/** Time that sessions have to end when the server closes, in milliseconds. */
const CLOSE_WITHIN = 10_000;

export interface Surroundings {
  /** Any pino logger, or silence. */
  readonly log?: Log;
  /** Counts connections for several servers together. Default: each server counts its own. */
  readonly admission?: Gate;
  /** What is behind a proxy, in the place of an application. Default: nothing. */
  readonly upstream?: UpstreamService;
}

/** One protocol on one address. */
export class Server extends EventEmitter<ServerEvents> {
  readonly #listener: Listener;
  readonly #terminator: TlsTerminator;
  readonly #log: Log;
  #options: ResolvedOptions;
  #role: 'server' | 'proxy';

  constructor(
    options: ServerOptions,
    application?: Application,
    { log = silent, admission, upstream }: Surroundings = {},
  ) {
    super();
    this.#role = roleOf(upstream);
    this.#options = resolveOptions(options);
    this.#terminator = new TlsTerminator(tlsOptionsOf(this.#options));
    const drops = new DropLog(log);
    this.#log = log;
    this.#listener = new Listener(
      this.#service(application, upstream),
      admission ?? new Admission(this.options),
      {
        failed: error => {
          log.error({ code: error.code, reason: error.message }, 'listener failed');
          this.emit('failure', error);
        },
        dropped: () => {
          drops.dropped();
          this.emit('drop');
        },
      },
      sessionIds(),
    );
  }

  /** As they are in force, with every default. */
  get options(): ResolvedOptions {
    return this.#options;
  }

  /** A `proxy` has an upstream behind it. */
  get role(): 'server' | 'proxy' {
    return this.#role;
  }

  get protocol(): Protocol {
    return this.options.protocol;
  }

  /** Connections that hold a place now. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** What is open now, by what it is at, and the bytes that have crossed the wire. */
  census(): Census {
    return this.#listener.census();
  }

  /** Where the server listens, a Unix socket as `{ address: path, family: 'Unix', port: 0 }`; `undefined` while it does not. */
  get address(): AddressInfo | undefined {
    return this.#listener.address;
  }

  /** Listens; resolves with the address. Rejects with ERR_LISTEN and ERR_OPTION, and the process goes on. */
  async listen(options: ListenOptions): Promise<AddressInfo> {
    const address = await this.#listener.listen(options);
    this.emit('listening', address);
    return address;
  }

  /**
   * Puts other certificates and other options of TLS in force, from the next handshake on: those under way end with the
   * old ones, and sessions go on. The options are the whole of TLS: what is left out has its default again, but for the
   * ticket keys, which are kept, so that clients resume their sessions. Only where it has changed what a client must
   * show to be let in, tickets from before are not taken. Throws ERR_OPTION and ERR_CERTIFICATE, and changes nothing
   * then.
   */
  replaceTls(tls: TlsOptions): void {
    const options = resolveOptions({ ...withoutTls(this.#options), ...tls });
    this.#terminator.replace(tlsOptionsOf(options));
    this.#options = options;
  }

  /**
   * Puts other options in force, and another application or upstream: for the connections that are accepted from now
   * on. Those that are open go on as they began, and the address and the ticket keys are kept; so is the admission where
   * no other is given. The options are the whole of them. Throws ERR_OPTION and ERR_CERTIFICATE, and changes nothing then.
   */
  reconfigure(
    options: ServerOptions,
    application?: Application,
    surroundings: Omit<Surroundings, 'log'> = {},
  ): void {
    this.prepare(options, application, surroundings)();
  }

  /**
   * Makes all that `reconfigure` needs and changes nothing; the function that it returns puts it in force, and cannot
   * fail. So several servers change together or not at all. Throws as `reconfigure` does.
   */
  prepare(
    options: ServerOptions,
    application?: Application,
    { upstream, admission }: Omit<Surroundings, 'log'> = {},
  ): () => void {
    const resolved = resolveOptions(options);
    const networks = new ProxyNetworks(resolved.proxyFrom);
    const replaceTls = this.#terminator.prepare(tlsOptionsOf(resolved));
    return () => {
      replaceTls();
      this.#options = resolved;
      this.#role = roleOf(upstream);
      this.#listener.replace(this.#service(application, upstream), networks, admission);
    };
  }

  /**
   * Has clients that offer only `acme-tls/1` by ALPN, and ask for this name, meet this certificate, and nobody else
   * (RFC 8737): with `undefined` no longer. Only where TLS comes first: with the policy `implicit` or `auto`.
   */
  answerChallenge(name: string, certificate: Certificate | undefined): void {
    this.#terminator.answerChallenge(name, certificate);
  }

  /**
   * Stops accepting, says the protocol's farewell to those still in the dialogue, lets handshakes and sessions
   * end, and destroys what is left after `within` ms. Default 10 s. Resolves when nothing is open.
   */
  close({ within = CLOSE_WITHIN }: { readonly within?: number } = {}): Promise<void> {
    return this.#listener.close(within);
  }

  #service(application: Application | undefined, upstream: UpstreamService | undefined): Service {
    return {
      options: this.options,
      scene: sceneOf(this.options, application !== undefined || upstream !== undefined),
      terminator: this.#terminator,
      application,
      upstream,
      reached: (id, milestone, elapsed) => this.emit('milestone', id, milestone, elapsed),
      secured: (id, facts, took) => this.emit('secure', id, facts, took),
      ended: (_driver, end) => {
        if (this.#log !== silent) logSessionEnd(this.#log, end);
        this.emit('end', end);
      },
    };
  }
}

/**
 * Makes a server of one protocol. With an application, each connection is handed to it as soon as the
 * dialogue is over, under TLS unless the policy is `optional`; without one the dialogue goes on under TLS.
 * Throws ERR_OPTION and ERR_CERTIFICATE.
 */
export function createServer(
  options: ServerOptions & Omit<Surroundings, 'upstream'>,
  application?: Application,
): Server {
  const { log, admission, ...own } = options;
  const given = { ...(log === undefined ? {} : { log }), ...(admission === undefined ? {} : { admission }) };
  return new Server(own, application, given);
}

function roleOf(upstream: UpstreamService | undefined) {
  return upstream === undefined ? 'server' : 'proxy';
}

function sceneOf({ hostname, tls, capabilities, available }: ResolvedOptions, application: boolean) {
  const policy = tls === 'optional' ? 'optional' : 'required';
  const takesImplicit = tls === 'auto';
  return {
    hostname,
    policy,
    takesImplicit,
    application,
    capabilities,
    available,
    token: randomToken,
  } as const;
}

/** 128 bits: RFC 6120 section 4.7.3 wants stream ids that cannot be guessed. */
function randomToken(): string {
  return randomBytes(16).toString('hex');
}

function tlsOptionsOf(options: ResolvedOptions): TlsOptions {
  const alpn = options.alpn ?? options.protocol.alpn;
  return alpn === undefined ? options : { ...options, alpn };
}

/** Session ids: a random prefix for each server, so that logs of several do not mix, and a count. */
function sessionIds(): () => string {
  const prefix = randomBytes(3).toString('hex');
  let count = 0;
  return () => `${prefix}-${++count}`;
}
