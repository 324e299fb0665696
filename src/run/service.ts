import { isDeepStrictEqual } from 'node:util';
import type { Configuration, ListenerConfiguration } from '../config/configuration.ts';
import { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Admission } from '../net/admission.ts';
import { Server } from '../server.ts';
import { type Behind, behind } from './behind.ts';

/** A listener that is up: what it was configured with, and what came of it. */
interface Running {
  readonly listener: ListenerConfiguration;
  readonly behind: Behind;
  readonly server: Server;
}

/** How many listeners a reload has touched, in which way. */
export interface Reloaded {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** As they were, with their connections. */
  readonly kept: number;
}

/** The servers of a configuration: started together, reloaded one by one, drained together. */
export class Service {
  readonly #log: Log;
  readonly #admission: Admission;
  #running: ReadonlyMap<string, Running> = new Map();
  /** Taken away by a reload; their sessions have not ended yet. */
  readonly #leaving = new Set<Server>();
  #drainWithin = 0;
  #state: 'idle' | 'ready' | 'draining' = 'idle';

  constructor(log: Log) {
    this.#log = log;
    this.#admission = new Admission({ maxConnections: 0, maxPerAddress: 0 });
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
  }

  async #put(configuration: Configuration): Promise<Reloaded> {
    const wanted = await this.#withBehind(configuration);
    const added = [...wanted].filter(([key]) => !this.#running.has(key));
    const removed = [...this.#running].filter(([key]) => !wanted.has(key));
    const fresh = await this.#listen(added, configuration);
    if (this.#state === 'draining') {
      await Promise.all([...fresh.values()].map(({ server }) => server.close({ within: 0 })));
      throw new SallyportError('ERR_SHUTTING_DOWN');
    }
    this.#admission.limit(configuration.limits);
    this.#drainWithin = configuration.drain;
    let changed = 0;
    const running = [...wanted].map(([key, { listener, behind }]): [string, Running] => {
      const before = this.#running.get(key) ?? fresh.get(key);
      if (before === undefined) throw new Error(`${key} was left out`);
      const now = { listener, behind, server: before.server };
      if (before !== fresh.get(key) && this.#change(before, now, configuration)) changed += 1;
      return [key, now];
    });
    this.#running = new Map(running);
    for (const [, { server }] of removed) this.#leave(server);
    const kept = wanted.size - added.length - changed;
    return { added: added.length, changed, removed: removed.length, kept };
  }

  /** What sessions go to; made anew only where that has changed, as a module may have a state. */
  async #withBehind({ listeners }: Configuration): Promise<ReadonlyMap<string, Omit<Running, 'server'>>> {
    const made = listeners.map(async (listener, index): Promise<[string, Omit<Running, 'server'>]> => {
      const key = keyOf(listeners, index);
      const before = this.#running.get(key);
      const same = before !== undefined && isDeepStrictEqual(goal(before.listener), goal(listener));
      return [key, { listener, behind: same ? before.behind : await behind(listener, this.#log) }];
    });
    return new Map(await Promise.all(made));
  }

  /** All or none: if one cannot listen, those that do are closed again. */
  async #listen(
    added: readonly (readonly [string, Omit<Running, 'server'>])[],
    { limits }: Configuration,
  ): Promise<ReadonlyMap<string, Running>> {
    const fresh = new Map<string, Running>();
    try {
      for (const [key, { listener, behind }] of added) {
        const server = this.#serverOf(listener, behind, limits);
        fresh.set(key, { listener, behind, server });
        await server.listen(listener.address);
      }
      return fresh;
    } catch (error) {
      await Promise.all([...fresh.values()].map(({ server }) => server.close({ within: 0 })));
      throw error;
    }
  }

  #serverOf(listener: ListenerConfiguration, behind: Behind, limits: Configuration['limits']): Server {
    const { application, upstream } = behind;
    const options = { ...listener.options, ...limits };
    const surroundings = { log: this.#log, admission: this.#admission };
    const server = new Server(options, application, { ...surroundings, ...(upstream && { upstream }) });
    server.once('listening', address => {
      const { protocol, tls } = server.options;
      const role = upstream === undefined ? 'server' : 'proxy';
      this.#log.info({ protocol: protocol.name, role, ...address, tls }, 'listening');
    });
    return server;
  }

  /** Has the server do what is wanted now; says whether that is anything new. */
  #change({ listener, behind }: Running, now: Running, { limits }: Configuration): boolean {
    const { server } = now;
    if (behind === now.behind && isDeepStrictEqual(listener.options, now.listener.options)) {
      const { maxConnections, maxPerAddress } = server.options;
      if (isDeepStrictEqual({ maxConnections, maxPerAddress }, limits)) return false;
    }
    const options = { ...now.listener.options, ...limits };
    server.reconfigure(options, now.behind.application, now.behind);
    return true;
  }

  #leave(server: Server): void {
    this.#leaving.add(server);
    const name = server.protocol.name;
    this.#log.info({ protocol: name, ...server.address }, 'listens no more');
    void server.close({ within: this.#drainWithin }).then(() => this.#leaving.delete(server));
  }
}

/** Listeners on the same address are the same; on port 0 of the same host, they are so in turn. */
function keyOf(listeners: readonly ListenerConfiguration[], index: number): string {
  const name = listeners[index]?.name;
  const before = listeners.slice(0, index).filter(listener => listener.name === name);
  return `${name} ${before.length}`;
}

/** All that decides what sessions go to, and how it is spoken to. */
function goal({ destination, options }: ListenerConfiguration): object {
  return { destination, protocol: options.protocol, hostname: options.hostname };
}
