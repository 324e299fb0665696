import { collectDefaultMetrics, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import { SallyportError } from '../errors.ts';
import type { Server } from '../server.ts';
import { History, type Sample } from './history.ts';
import { watchLoopDelay } from './loop-delay.ts';
import { type MetricSet, metricSet } from './metric-set.ts';
import { collectCertificates, WatchedServer } from './watched-server.ts';

export type Metrics = readonly MetricObjectWithValues<MetricValue<string>>[];

/** The figures of one process at one time, as plain data: those of several can be made into one. */
export interface Snapshot {
  readonly metrics: Metrics;
  readonly samples: readonly Sample[];
}

export interface SnapshotRequest {
  /** Only samples that ended later, in seconds since 1970. Default: all. */
  readonly since?: number;
  /** Also what Node and the system tell of the process, some of it since it was last asked. Default `false`. */
  readonly process?: boolean;
}

/** Counts what servers tell, while they are watched. */
export class Figures {
  readonly #metrics: MetricSet = metricSet();
  readonly #process = new Registry();
  readonly #history = new History();
  readonly #watched = new Map<string, WatchedServer>();
  /** Of these series are still there. */
  readonly #forgetting = new Set<string>();
  readonly #loop: { stop(): void };

  constructor() {
    collectDefaultMetrics({ register: this.#process });
    this.#loop = watchLoopDelay(delay => {
      this.#metrics.loopDelay.observe(delay / 1000);
      this.#history.tick(delay, () => this.#open);
    });
  }

  /**
   * Counts what a server tells from now on. `name` becomes the label `listener`: give each its own, by its place and
   * never by its peers. Throws ERR_OPTION for a name that is taken.
   */
  watch(name: string, server: Server): void {
    if (this.watches(name)) throw new SallyportError('ERR_OPTION', `there are two listeners "${name}"`);
    this.#watched.set(name, new WatchedServer(name, server, this.#metrics, this.#history));
  }

  /** Whether a listener of that name is watched, or not yet forgotten. */
  watches(name: string): boolean {
    return this.#watched.has(name) || this.#forgetting.has(name);
  }

  /** Counts a server no longer, and forgets what was counted. Nothing happens where there is none of that name. */
  async unwatch(name: string): Promise<void> {
    const watched = this.#watched.get(name);
    if (watched === undefined) return;
    this.#watched.delete(name);
    this.#forgetting.add(name);
    await watched.forget();
    this.#forgetting.delete(name);
  }

  /** The figures as they are now. */
  async snapshot({ since = 0, process = false }: SnapshotRequest = {}): Promise<Snapshot> {
    for (const watched of this.#watched.values()) watched.collect();
    collectCertificates(this.#metrics, [...this.#watched.values()]);
    const metrics = await this.#metrics.registry.getMetricsAsJSON();
    const own = process ? await this.#process.getMetricsAsJSON() : [];
    return { metrics: [...metrics, ...own], samples: this.#history.after(since) };
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#loop.stop();
    for (const watched of this.#watched.values()) watched.ignore();
    this.#watched.clear();
  }

  get #open(): number {
    return [...this.#watched.values()].reduce((sum, { server }) => sum + server.connections, 0);
  }
}
