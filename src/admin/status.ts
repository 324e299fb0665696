import { type Blame, type ErrorCode, errorTable } from '../errors.ts';
import { type Phase, phases } from '../net/census.ts';
import type { milestones } from '../net/progress.ts';
import type { Metrics, Snapshot } from './figures.ts';
import type { Sample } from './history.ts';
import { mergedMetrics, mergedSamples } from './merge.ts';

/** How many came to each milestone, under its name. */
export type Funnel = Readonly<Record<(typeof milestones)[number], number>>;

/** What the page shows of one listener. */
export interface ListenerStatus {
  readonly name: string;
  readonly protocol: string;
  readonly role: string;
  /** The policy. */
  readonly tls: string;
  readonly address: string;
  readonly open: Readonly<Record<Phase, number>>;
  readonly funnel: Funnel;
  /** Handed over without TLS. */
  readonly plaintext: number;
  readonly failures: number;
}

export interface FailureStatus {
  readonly code: string;
  readonly message: string;
  readonly blame: Blame;
  readonly count: number;
  /** How many came how far. */
  readonly reached: Readonly<Record<string, number>>;
}

export interface CertificateStatus {
  readonly subject: string;
  readonly serial: string;
  /** In milliseconds since 1970. */
  readonly expires: number;
  readonly daysLeft: number;
}

/** All that the page shows, as it asks for it each second. Counts are since the process began. */
export interface Status {
  readonly version: string;
  /** In milliseconds since 1970. */
  readonly now: number;
  /** Since the process began, in seconds. */
  readonly uptime: number;
  readonly processes: number;
  readonly ready: boolean;
  readonly funnel: Funnel;
  readonly plaintext: number;
  readonly open: Readonly<Record<Phase, number>>;
  readonly listeners: readonly ListenerStatus[];
  readonly versions: Readonly<Record<string, number>>;
  readonly ciphers: Readonly<Record<string, number>>;
  readonly resumed: number;
  /** The most frequent first. */
  readonly failures: readonly FailureStatus[];
  readonly unheard: number;
  readonly droppedPlaintext: number;
  readonly bytes: Readonly<Record<'clientIn' | 'clientOut' | 'upstreamIn' | 'upstreamOut', number>>;
  /** The first to expire first. */
  readonly certificates: readonly CertificateStatus[];
  readonly samples: readonly Sample[];
}

type Labels = Readonly<Record<string, string>>;

/** The status of one process, or of several as if they were one. */
export async function statusOf(
  snapshots: readonly Snapshot[],
  told: Pick<Status, 'version' | 'ready'>,
): Promise<Status> {
  const series = new Series(await mergedMetrics(snapshots.map(({ metrics }) => metrics)));
  return {
    ...told,
    now: Date.now(),
    uptime: Math.floor(process.uptime()),
    processes: snapshots.length,
    funnel: funnelOf(series),
    plaintext: series.sum('sallyport_hand_overs_total', { tls: 'no' }),
    open: openOf(series),
    listeners: listenersOf(series),
    versions: series.by('sallyport_handshakes_total', 'version'),
    ciphers: series.by('sallyport_handshakes_total', 'cipher'),
    resumed: series.sum('sallyport_handshakes_total', { resumed: 'yes' }),
    failures: failuresOf(series),
    unheard: series.sum('sallyport_unheard_connections_total'),
    droppedPlaintext: series.sum('sallyport_plaintext_dropped_bytes_total'),
    bytes: {
      clientIn: series.sum('sallyport_client_bytes_total', { direction: 'in' }),
      clientOut: series.sum('sallyport_client_bytes_total', { direction: 'out' }),
      upstreamIn: series.sum('sallyport_upstream_bytes_total', { direction: 'in' }),
      upstreamOut: series.sum('sallyport_upstream_bytes_total', { direction: 'out' }),
    },
    certificates: certificatesOf(series),
    samples: mergedSamples(snapshots.map(({ samples }) => samples)),
  };
}

function funnelOf(series: Series, labels: Labels = {}): Funnel {
  return {
    connected: series.sum('sallyport_connections_total', labels),
    greeted: series.sum('sallyport_greetings_total', labels),
    asked: series.sum('sallyport_upgrades_asked_total', labels),
    clientHello: series.sum('sallyport_client_hellos_total', labels),
    secured: series.sum('sallyport_handshakes_total', labels),
    handedOver: series.sum('sallyport_hand_overs_total', { ...labels, tls: 'yes' }),
  };
}

function openOf(series: Series, labels: Labels = {}): ListenerStatus['open'] {
  const [dialogue = 0, handshake = 0, session = 0, closing = 0] = phases.map(phase =>
    series.sum('sallyport_open_connections', { ...labels, phase }),
  );
  return { dialogue, handshake, session, closing };
}

function listenersOf(series: Series): readonly ListenerStatus[] {
  return series.of('sallyport_listener_info').map(({ labels }) => {
    const { listener = '', protocol = '', role = '', tls = '', address = '' } = labels;
    const own = { listener };
    return {
      name: listener,
      protocol,
      role,
      tls,
      address,
      open: openOf(series, own),
      funnel: funnelOf(series, own),
      plaintext: series.sum('sallyport_hand_overs_total', { ...own, tls: 'no' }),
      failures: series.sum('sallyport_failures_total', own),
    };
  });
}

function failuresOf(series: Series): readonly FailureStatus[] {
  const codes = Object.entries(series.by('sallyport_failures_total', 'code'));
  return codes
    .map(([code, count]) => {
      const { message, blame } = errorTable[code as ErrorCode]; // the label has no other values
      return {
        code,
        message,
        blame,
        count,
        reached: series.by('sallyport_failures_total', 'reached', { code }),
      };
    })
    .sort((one, other) => other.count - one.count);
}

function certificatesOf(series: Series): readonly CertificateStatus[] {
  return series
    .of('sallyport_certificate_expiry_timestamp_seconds')
    .map(({ labels: { subject = '', serial = '' }, value }) => {
      const daysLeft = series.sum('sallyport_certificate_days_left', { subject, serial });
      return { subject, serial, expires: value * 1000, daysLeft };
    })
    .sort((one, other) => one.expires - other.expires);
}

/** The series of a snapshot, by the name of their metric. */
class Series {
  readonly #byName: ReadonlyMap<string, readonly { readonly labels: Labels; readonly value: number }[]>;

  constructor(metrics: Metrics) {
    const entries = metrics.map(({ name, values }) => {
      const series = values.map(({ labels, value }) => ({ labels: textOf(labels), value }));
      return [name, series] as const;
    });
    this.#byName = new Map(entries);
  }

  of(name: string, labels: Labels = {}) {
    const wanted = Object.entries(labels);
    const all = this.#byName.get(name) ?? [];
    return all.filter(each => wanted.every(([label, value]) => each.labels[label] === value));
  }

  sum(name: string, labels: Labels = {}): number {
    return this.of(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  by(name: string, label: string, labels: Labels = {}): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { labels: own, value } of this.of(name, labels)) {
      const key = own[label] ?? '';
      sums[key] = (sums[key] ?? 0) + value;
    }
    return sums;
  }
}

function textOf(labels: Readonly<Partial<Record<string, string | number>>>): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
