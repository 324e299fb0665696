import type { AdmissionLimits } from '../net/admission.ts';
import { Admission } from '../net/admission.ts';
import { BothGates, type Gate } from '../net/gate.ts';
import type { RateStore } from '../net/rate-limit.ts';

/** What a listener's connections pass. */
export interface ListenerGate {
  readonly gate: Gate;
  /** The limits for this listener alone, with what counts for them. */
  readonly own?: { readonly limits: AdmissionLimits; readonly admission: Admission };
}

interface Limited {
  readonly name: string;
  readonly limits?: AdmissionLimits;
}

/**
 * The gate of each listener by its key: that for all and, where it has limits of its own, those before it. Addresses of
 * one listener share its limits, which are one object then, and go on counting where one of them did so before.
 */
export function listenerGates(
  wanted: ReadonlyMap<string, Limited>,
  before: ReadonlyMap<string, ListenerGate>,
  all: Gate,
  rates: RateStore,
): ReadonlyMap<string, ListenerGate> {
  const made = new Map<AdmissionLimits, ListenerGate>();
  const free = new Set([...before.values()].map(({ own }) => own?.admission));
  for (const [key, { limits }] of wanted) {
    const { gate, own } = before.get(key) ?? {};
    if (limits === undefined || made.has(limits) || gate === undefined || own === undefined) continue;
    if (free.delete(own.admission)) made.set(limits, { gate, own: { ...own, limits } });
  }
  for (const { name, limits } of wanted.values()) {
    if (limits === undefined || made.has(limits)) continue;
    const admission = new Admission(limits, named(rates, name));
    made.set(limits, { gate: new BothGates(admission, all), own: { limits, admission } });
  }
  const gateOf = ({ limits }: Limited) => (limits && made.get(limits)) ?? { gate: all };
  return new Map([...wanted].map(([key, listener]) => [key, gateOf(listener)]));
}

/** Nodes of a fleet with the same listener count together for it. */
function named(rates: RateStore, name: string): RateStore {
  return { limit: (kind, perMinute) => rates.limit(`${kind}:${name}`, perMinute) };
}
