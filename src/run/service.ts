import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { CertificateSpec, Configuration, ListenerConfiguration } from '../config/configuration.ts';
import { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Admission } from '../net/admission.ts';
import { inMemory, type RateStore } from '../net/rate-limit.ts';
import type { ServerOptions, TicketKeySource } from '../options.ts';
import { Server } from '../server.ts';
import { behind } from './behind.ts';
import { type ListenerGate, listenerGates } from './listener-gates.ts';
import { goesToTheSame, keyOf, type RunningListener, type WantedListener } from './running-listener.ts';
import { type OpenedCertificates, ServiceCertificates } from './service-certificates.ts';

/** What a service has from the process that it is in. */
export interface ServiceSurroundings {
  readonly log: Log;
  /** Keys for session tickets, where other processes are to take them too. Default: each listener has its own. */
  readonly ticketKeys?: TicketKeySource;
  /** Where limits over time are counted. Default: in this process. */
  readonly rates?: RateStore;
}

export interface ServiceEvents {
  /** A server listens that did not. */
  added: [server: Server];
  /** A server listens as before, and does other things for new connections. */
  changed: [server: Server];
  /** A server was taken away by a reload, and all its sessions have ended. */
  gone: [server: Server];
}

/** How many listeners a reload has touched, in which way. */
export interface Reloaded {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** As they were, with their connections. */
  readonly kept: number;
}

/** What a configuration brings into force, its certificates opened. */
interface Wanted extends Pick<Configuration, 'limits' | 'drain'> {
  readonly certificates: OpenedCertificates;
}

type Listeners = ReadonlyMap<string, RunningListener>;

/** All listeners as they will be, and what has to be done to those that are up. */
interface Prepared {
  readonly listeners: Listeners;
  readonly changes: readonly (() => void)[];
}

/** The servers of a configuration: started together, reloaded one by one, drained together. */
export class Service extends EventEmitter<ServiceEvents> {
  /** Those in force, kept up to date. */
  readonly certificates: ServiceCertificates;
  readonly #surroundings: ServiceSurroundings;
  readonly #log: Log;
  readonly #rates: RateStore;
  readonly #admission: Admission;
  #running: Listeners = new Map();
  /** Those that a start or a reload under way has had listen. */
  #fresh: Listeners = new Map();
  /** Taken away by a reload; their sessions have not ended yet. */
  readonly #leaving = new Set<Server>();
  #drainWithin = 0;
  #state: 'idle' | 'ready' | 'draining' = 'idle';

  constructor(surroundings: ServiceSurroundings) {
    super();
    this.#surroundings = surroundings;
    this.#log = surroundings.log;
    this.#rates = surroundings.rates ?? inMemory;
    this.#admission = new Admission({ maxConnections: 0, maxPerAddress: 0 }, this.#rates);
    this.certificates = new ServiceCertificates(this.#log);
    this.certificates.on('changed', spec => this.#renew(spec));
  }

  /** Whether new connections are served: from the start to the drain. */
  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** Those that listen, in the order of the configuration. */
  get servers(): readonly Server[] {
    return [...this.#running.values()].map(({ server }) => server);
  }

  /** Listens everywhere or, rejecting with ERR_LISTEN, ERR_APPLICATION_MODULE or another fault of the configuration, nowhere. */
  async start(configuration: Configuration): Promise<void> {
    await this.#put(configuration);
    this.#state = 'ready';
  }

  /**
   * Puts another configuration in force. A listener on the same address is the same: it keeps its socket, its
   * connections and its session tickets, and what has changed of it holds for new connections. New ones listen first;
   * those that are left out are drained. Rejects as `start` does, and changes nothing then.
   */
  async reload(configuration: Configuration): Promise<Reloaded> {
    if (this.#state !== 'ready') throw new SallyportError('ERR_SHUTTING_DOWN');
    return this.#put(configuration);
  }

  /**
   * Accepts no more, says each protocol's farewell to those still in the dialogue, and lets handshakes and sessions end;
   * what is left after `within` ms is cut off. Default: as the configuration says. Resolves when nothing is open.
   */
  async drain(within = this.#drainWithin): Promise<void> {
    this.#state = 'draining';
    const all = [...this.servers, ...this.#leaving];
    await Promise.all(all.map(server => server.close({ within })));
    this.certificates.close();
  }

  async #put(configuration: Configuration): Promise<Reloaded> {
    const certificates = await this.certificates.open(configuration);
    const wanted = { ...configuration, certificates };
    try {
      const listeners = await this.#withBehind(configuration);
      await this.#listen(listeners, wanted);
      if (this.#state === 'draining') throw new SallyportError('ERR_SHUTTING_DOWN');
      return this.#commit(this.#prepare(listeners, this.#fresh, wanted), this.#fresh, wanted);
    } catch (error) {
      certificates.discard();
      await closeAll(this.#fresh);
      throw error;
    } finally {
      this.#fresh = new Map();
    }
  }

  /** What sessions go to; made anew only where that has changed, as a module may have a state. */
  async #withBehind({ listeners }: Configuration): Promise<ReadonlyMap<string, WantedListener>> {
    const gates = this.#gatesOf(listeners);
    const made = listeners.map(async (listener, index): Promise<[string, WantedListener]> => {
      const key = keyOf(listeners, index);
      const gate = gates.get(key) ?? { gate: this.#admission };
      const before = this.#running.get(key);
      const same = before !== undefined && goesToTheSame(before.listener, listener);
      return [key, { listener, gate, behind: same ? before.behind : await behind(listener, this.#log) }];
    });
    return new Map(await Promise.all(made));
  }

  #gatesOf(listeners: Configuration['listeners']): ReadonlyMap<string, ListenerGate> {
    const before = new Map([...this.#running].map(([key, { gate }]) => [key, gate]));
    const wanted = new Map(listeners.map((listener, index) => [keyOf(listeners, index), listener]));
    return listenerGates(wanted, before, this.#admission, this.#rates);
  }

  /** Those that are not up yet. */
  async #listen(wanted: ReadonlyMap<string, WantedListener>, configuration: Wanted): Promise<void> {
    const fresh = new Map<string, RunningListener>();
    this.#fresh = fresh;
    for (const [key, each] of passedLast(wanted)) {
      if (this.#running.has(key)) continue;
      const server = this.#serverOf(each, configuration);
      fresh.set(key, { ...each, server });
      await server.listen(each.listener.address);
    }
  }

  #serverOf(
    { listener, gate: { gate }, behind: { application, upstream } }: WantedListener,
    configuration: Wanted,
  ): Server {
    const surroundings = { log: this.#log, admission: gate, ...(upstream && { upstream }) };
    return new Server(this.#optionsOf(listener, configuration), application, surroundings);
  }

  #optionsOf({ options, certificates }: ListenerConfiguration, wanted: Wanted): ServerOptions {
    const { ticketKeys = this.#surroundings.ticketKeys, ...opened } = wanted.certificates;
    const current = opened.current(certificates);
    return { ...options, ...wanted.limits, ...current, ...(ticketKeys && { ticketKeys }) };
  }

  /** What has been renewed: for new handshakes. */
  #renew(spec: CertificateSpec): void {
    const current = this.certificates.current(spec);
    for (const { listener, server } of [...this.#running.values(), ...this.#fresh.values()]) {
      if (!isDeepStrictEqual(listener.certificates, spec)) continue;
      try {
        const { ticketKeys } = server.options;
        server.replaceTls({ ...listener.options, ...current, ...(ticketKeys && { ticketKeys }) });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.error({ protocol: server.protocol.name, reason }, 'certificates not replaced');
      }
    }
  }

  /** Throws before anything is changed for what cannot be put in force. */
  #prepare(wanted: ReadonlyMap<string, WantedListener>, fresh: Listeners, configuration: Wanted): Prepared {
    const listeners = new Map<string, RunningListener>();
    const changes: (() => void)[] = [];
    for (const [key, each] of wanted) {
      const before = this.#running.get(key);
      const server = (before ?? fresh.get(key))?.server;
      if (server === undefined) throw new Error(`${key} was left out`);
      const change = before && this.#changeOf(before, each, configuration);
      if (change !== undefined) {
        changes.push(() => {
          change();
          this.emit('changed', server);
        });
      }
      listeners.set(key, { ...each, server });
    }
    return { listeners, changes };
  }

  /** How a server comes to do what is wanted now; `undefined` where that is nothing new. */
  #changeOf(
    { listener, behind, gate, server }: RunningListener,
    wanted: WantedListener,
    configuration: Wanted,
  ): (() => void) | undefined {
    const options = this.#optionsOf(wanted.listener, configuration);
    const same =
      behind === wanted.behind &&
      server.options.ticketKeys === options.ticketKeys &&
      isDeepStrictEqual(listener, wanted.listener) &&
      gate.gate === wanted.gate.gate &&
      holdsTo(server, configuration.limits);
    if (same) return undefined;
    return server.prepare(options, wanted.behind.application, {
      ...wanted.behind,
      admission: wanted.gate.gate,
    });
  }

  #commit({ listeners, changes }: Prepared, fresh: Listeners, wanted: Wanted): Reloaded {
    const { certificates, limits, drain } = wanted;
    const removed = [...this.#running].filter(([key]) => !listeners.has(key));
    this.#admission.limit(limits);
    for (const { gate } of listeners.values()) gate.own?.admission.limit(gate.own.limits);
    this.#drainWithin = drain;
    for (const change of changes) change();
    this.#running = listeners;
    certificates.commit();
    for (const { server } of fresh.values()) this.#tellAdded(server);
    for (const [, { server }] of removed) this.#leave(server);
    const changed = changes.length;
    const kept = listeners.size - fresh.size - changed;
    return { added: fresh.size, changed, removed: removed.length, kept };
  }

  #tellAdded(server: Server): void {
    const { protocol, role, address, options } = server;
    this.#log.info({ protocol: protocol.name, role, ...address, tls: options.tls }, 'listening');
    this.emit('added', server);
  }

  #leave(server: Server): void {
    this.#leaving.add(server);
    this.#log.info({ protocol: server.protocol.name, ...server.address }, 'listens no more');
    void server.close({ within: this.#drainWithin }).then(() => {
      this.#leaving.delete(server);
      this.emit('gone', server);
    });
  }
}

/** What was passed cannot be listened on again, should another address not be had. */
function passedLast(
  wanted: ReadonlyMap<string, WantedListener>,
): readonly (readonly [string, WantedListener])[] {
  const isPassed = ([, { listener }]: readonly [string, WantedListener]) => 'passed' in listener.address;
  return [...[...wanted].filter(each => !isPassed(each)), ...[...wanted].filter(isPassed)];
}

function holdsTo({ options }: Server, limits: Configuration['limits']): boolean {
  return isDeepStrictEqual({ ...options, ...limits }, options);
}

async function closeAll(listeners: Listeners): Promise<void> {
  await Promise.all([...listeners.values()].map(({ server }) => server.close({ within: 0 })));
}
