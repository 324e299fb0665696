import { atOnce } from '../at-once.ts';
import type { Target } from '../target.ts';

/** What a check found. */
export interface Verdict {
  readonly status: 'sound' | 'vulnerable' | 'hang' | 'not applicable';
  /** How many attacks were made. */
  readonly cases: number;
  /** How the attacks ended, or those that did not end as they must. */
  readonly evidence: string;
  /** Attacks that were refused with an error reply in plaintext. */
  readonly refused?: number;
}

/** One law of the upgrade boundary, as something to be tried on any server. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** The fault class, as in the security notes. */
  readonly fault: string;
  run(target: Target): Promise<Verdict>;
}

/** One attack that did not end as it must. */
export interface Finding {
  readonly status: 'vulnerable' | 'hang';
  readonly text: string;
}

/** Whether the full counts are wanted. */
export const LONG = process.env['SALLYPORT_LONG'] !== undefined;

/** How many findings a verdict quotes. */
const QUOTED = 3;

/**
 * Makes attacks, some at once, until all are made or there are so many findings that there is no doubt. Gives
 * what each attack that was made has told.
 */
export async function attackUntilEnough<Item, Told>(
  { atOnce: limit, enough }: { readonly atOnce: number; readonly enough: number },
  items: readonly Item[],
  work: (item: Item) => Promise<{ readonly finding: Finding | undefined; readonly told?: Told }>,
) {
  let found = 0;
  const made = await atOnce(limit, items, async item => {
    if (found >= enough) return undefined;
    const result = await work(item);
    if (result.finding !== undefined) found += 1;
    return result;
  });
  return made.filter(result => result !== undefined);
}

/** The verdict over all attacks, `undefined` for each that ended as it must. */
export function verdictOf(attacks: readonly (Finding | undefined)[]): Verdict {
  const found = attacks.filter(finding => finding !== undefined);
  const cases = attacks.length;
  if (found.length === 0) return { status: 'sound', cases, evidence: `${cases} attacks without effect` };
  const status = found.some(finding => finding.status === 'vulnerable') ? 'vulnerable' : 'hang';
  const quoted = found.slice(0, QUOTED).map(finding => `${finding.status}: ${finding.text}`);
  return { status, cases, evidence: `${found.length} of ${cases}: ${quoted.join('; ')}` };
}

/** Runs a check. A server with which it cannot be made, or whose process is gone, is not sound. */
export async function runCheck(check: Check, target: Target): Promise<Verdict> {
  const verdict = await check
    .run(target)
    .catch((error: unknown): Verdict => ({ status: 'vulnerable', cases: 1, evidence: String(error) }));
  if (await target.isAlive()) return verdict;
  return { ...verdict, status: 'vulnerable', evidence: `the server's process is gone; ${verdict.evidence}` };
}
