import type { CheckId } from './check-table.ts';
import type { Moment } from './probe-result.ts';
import type { Probing } from './probing.ts';

/** How a check came out. */
export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'found'; readonly detail: string | undefined; readonly evidence: readonly Moment[] }
  /** It could not be carried out; that never counts as passed. */
  | { readonly kind: 'notTried'; readonly reason: string };

/** Carries out one check. What it throws is the reason why it could not be carried out. */
export type Check = (probing: Probing) => Verdict | Promise<Verdict>;

/** Some of the checks, by their ids. */
export type Checks = { readonly [id in CheckId]?: Check };

export const passed: Verdict = { kind: 'passed' };

export function found(evidence: readonly Moment[], detail?: string): Verdict {
  return { kind: 'found', detail, evidence };
}

export function notTried(reason: string): Verdict {
  return { kind: 'notTried', reason };
}

/** `found` where there is something to be told, else `passed`. */
export function foundIf(detail: string | undefined, evidence: readonly Moment[]): Verdict {
  return detail === undefined ? passed : found(evidence, detail);
}
