import { AggregatorRegistry } from 'prom-client';
import type { Metrics, Snapshot } from './figures.ts';
import type { Sample } from './history.ts';

/** The metrics of several processes as those of one: sums, but for gauges that say otherwise. */
export async function mergedMetrics(several: readonly Metrics[]): Promise<Metrics> {
  const [first, ...more] = several;
  if (first !== undefined && more.length === 0) return first;
  // The parameter is typed as mutable, and not written to.
  return AggregatorRegistry.aggregate(several as Metrics[]).getMetricsAsJSON();
}

/** The same in the text format of Prometheus, version 0.0.4. */
export async function exposition(snapshots: readonly Snapshot[]): Promise<string> {
  const all = snapshots.map(({ metrics }) => metrics.map(kept));
  return AggregatorRegistry.aggregate(all).metrics();
}

/** What would be left out, as no sum makes sense, such as when the process began: the smallest is the oldest. */
function kept(metric: Metrics[number]): Metrics[number] {
  return metric.aggregator === 'omit' ? { ...metric, aggregator: 'min' } : metric;
}

/** The samples of several processes as those of one, second by second. */
export function mergedSamples(several: readonly (readonly Sample[])[]): readonly Sample[] {
  const [first, ...more] = several;
  if (first !== undefined && more.length === 0) return first;
  const bySecond = new Map<number, Sample>();
  for (const sample of several.flat()) {
    const other = bySecond.get(sample.at);
    bySecond.set(sample.at, other === undefined ? sample : both(other, sample));
  }
  return [...bySecond.values()].sort((one, other) => one.at - other.at);
}

/** Of medians the larger one: nearer to the truth than it is to be called exact. */
function both(one: Sample, other: Sample): Sample {
  return {
    at: one.at,
    seconds: Math.max(one.seconds, other.seconds),
    connections: one.connections + other.connections,
    handshakes: one.handshakes + other.handshakes,
    failures: one.failures + other.failures,
    open: one.open + other.open,
    handshakeMedian: larger(one.handshakeMedian, other.handshakeMedian),
    handshakeSlow: larger(one.handshakeSlow, other.handshakeSlow),
    loopDelay: Math.max(one.loopDelay, other.loopDelay),
  };
}

function larger(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}
