import { isDeepStrictEqual } from 'node:util';
import { phases, type Traffic } from '../net/census.ts';
import type { Milestone } from '../net/progress.ts';
import type { Server, ServerEvents } from '../server.ts';
import { servedCertificate } from './certificate-facts.ts';
import type { History } from './history.ts';
import type { ListenerLabels, MetricSet } from './metric-set.ts';

const DAY = 86_400_000;

interface Info extends ListenerLabels {
  readonly role: string;
  readonly tls: string;
  readonly address: string;
}

/** Counts what one server tells. */
export class WatchedServer {
  readonly server: Server;
  readonly #labels: ListenerLabels;
  readonly #metrics: MetricSet;
  readonly #history: History;
  readonly #listeners;
  /** As much of the traffic as has been counted. */
  #counted: Traffic;
  /** How the listener was set up when that was last told. */
  #info: Info | undefined;

  constructor(name: string, server: Server, metrics: MetricSet, history: History) {
    this.server = server;
    this.#labels = { listener: name, protocol: server.protocol.name };
    this.#metrics = metrics;
    this.#history = history;
    this.#counted = server.census().traffic;
    this.#listeners = {
      milestone: (_session: string, milestone: Milestone, elapsed: number | undefined) =>
        this.#reached(milestone, elapsed),
      secure: (...[_session, facts, took]: ServerEvents['secure']) => this.#secured(facts, took),
      end: (...[end]: ServerEvents['end']) => this.#ended(end),
      drop: () => metrics.unheard.inc(this.#labels),
    };
    server.on('milestone', this.#listeners.milestone);
    server.on('secure', this.#listeners.secure);
    server.on('end', this.#listeners.end);
    server.on('drop', this.#listeners.drop);
    this.#begin();
  }

  /** Counts what no event tells: what is open, and the bytes so far. */
  collect(): void {
    const { open, traffic } = this.server.census();
    const { clientBytes, upstreamBytes } = this.#metrics;
    for (const phase of phases) this.#metrics.open.set({ ...this.#labels, phase }, open[phase]);
    const since = (key: keyof Traffic) => Math.max(0, traffic[key] - this.#counted[key]);
    clientBytes.inc({ ...this.#labels, direction: 'in' }, since('bytesIn'));
    clientBytes.inc({ ...this.#labels, direction: 'out' }, since('bytesOut'));
    upstreamBytes.inc({ ...this.#labels, direction: 'in' }, since('upstreamIn'));
    upstreamBytes.inc({ ...this.#labels, direction: 'out' }, since('upstreamOut'));
    this.#counted = traffic;
    this.#tellInfo();
  }

  /** Listens no more. */
  ignore(): void {
    this.server.off('milestone', this.#listeners.milestone);
    this.server.off('secure', this.#listeners.secure);
    this.server.off('end', this.#listeners.end);
    this.server.off('drop', this.#listeners.drop);
  }

  /** Takes all series of it out of the metrics. */
  async forget(): Promise<void> {
    this.ignore();
    const { registry, ...metrics } = this.#metrics;
    for (const metric of Object.values(metrics)) {
      const { values } = await metric.get();
      for (const { labels } of values) {
        const { le: _bucket, ...own } = labels as Record<string, string>; // that of a histogram is one of all
        if (own['listener'] === this.#labels.listener) metric.remove(own);
      }
    }
  }

  /** A series that is not there before its first count hides that count from `rate()`. */
  #begin(): void {
    const metrics = this.#metrics;
    const { connections, greetings, upgradesAsked, clientHellos, unheard, droppedPlaintext } = metrics;
    for (const counter of [connections, greetings, upgradesAsked, clientHellos, unheard, droppedPlaintext]) {
      counter.inc(this.#labels, 0);
    }
    for (const tls of ['yes', 'no']) metrics.handOvers.inc({ ...this.#labels, tls }, 0);
    metrics.dialogueSeconds.zero(this.#labels);
    metrics.handshakeSeconds.zero(this.#labels);
  }

  /** A reload may have changed it; one that is draining has no address any more, and keeps what it had. */
  #tellInfo(): void {
    const { address, options, role } = this.server;
    const where = address?.address ?? this.#info?.address ?? '';
    const info = { ...this.#labels, role, tls: options.tls, address: where };
    if (isDeepStrictEqual(info, this.#info)) return;
    if (this.#info !== undefined) this.#metrics.listenerInfo.remove({ ...this.#info });
    this.#metrics.listenerInfo.set(info, 1);
    this.#info = info;
  }

  #reached(milestone: Milestone, elapsed: number | undefined): void {
    const labels = this.#labels;
    const metrics = this.#metrics;
    switch (milestone) {
      case 'connected':
        metrics.connections.inc(labels);
        this.#history.connected();
        break;
      case 'greeted':
        metrics.greetings.inc(labels);
        break;
      case 'asked':
        metrics.upgradesAsked.inc(labels);
        if (elapsed !== undefined) metrics.dialogueSeconds.observe(labels, elapsed / 1000);
        break;
      case 'clientHello':
        metrics.clientHellos.inc(labels);
        break;
      case 'secured':
        // Counted by what was negotiated.
        break;
      case 'handedOver':
        metrics.handOvers.inc({ ...labels, tls: 'yes' });
        break;
      case 'plaintext':
        metrics.handOvers.inc({ ...labels, tls: 'no' });
        break;
    }
  }

  #secured({ version, cipher, resumed }: ServerEvents['secure'][1], took: number): void {
    this.#metrics.handshakes.inc({ ...this.#labels, version, cipher, resumed: resumed ? 'yes' : 'no' });
    this.#metrics.handshakeSeconds.observe(this.#labels, took / 1000);
    this.#history.secured(took);
  }

  #ended({ error, reached, dropped }: ServerEvents['end'][0]): void {
    if (dropped > 0) this.#metrics.droppedPlaintext.inc(this.#labels, dropped);
    if (error === undefined) return;
    const { code, blame } = error;
    this.#metrics.failures.inc({ ...this.#labels, code, blame, reached });
    this.#history.failed();
  }
}

/** Reads the certificates that are served now, each of them once. */
export function collectCertificates(metrics: MetricSet, watched: readonly WatchedServer[]): void {
  metrics.certificateExpiry.reset();
  metrics.certificateDaysLeft.reset();
  for (const { server } of watched) {
    for (const certificate of [server.options.certificate, ...server.options.certificates]) {
      const { subject, serial, expires } = servedCertificate(certificate);
      metrics.certificateExpiry.set({ subject, serial }, expires / 1000);
      metrics.certificateDaysLeft.set({ subject, serial }, (expires - Date.now()) / DAY);
    }
  }
}
