import type { Severity } from '../../probe/check-table.ts';
import type { ProbeResult } from '../../probe/probe-result.ts';

/** The worst first. */
export const SEVERITIES = ['error', 'warning', 'info'] as const satisfies readonly Severity[];

/** Whether a severity is at least as bad as another one. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(least);
}

export function findingsOf({ findings }: ProbeResult, severity: Severity): number {
  return findings.filter(finding => finding.severity === severity).length;
}

/** What has come out, in a few words: `2 errors, 1 warning`. */
export function verdictOf(result: ProbeResult): string {
  if (result.error !== undefined) return result.error.message;
  const counts = SEVERITIES.map(severity => [findingsOf(result, severity), severity] as const);
  const told = counts.filter(([count]) => count > 0).map(([count, severity]) => counted(count, severity));
  return told.length === 0 ? 'nothing found' : told.join(', ');
}

/** How much was tried, in one sentence without its full stop. */
export function effortOf({ passed, findings, notTried, connections, duration }: ProbeResult): string {
  const carried = passed.length + findings.length;
  const checks = `${counted(carried, 'check')} carried out, ${notTried.length} not tried`;
  return `${checks}; ${counted(connections, 'connection')} in ${(duration / 1000).toFixed(1)} s`;
}

/** The verdicts of several servers: `12 servers: 9 sound, 2 with findings, 1 could not be probed`. */
export function summaryOf(results: readonly ProbeResult[]): string {
  const count = (verdict: ProbeResult['verdict']) => results.filter(each => each.verdict === verdict).length;
  const parts = [
    [count('sound'), 'sound'],
    [count('findings'), 'with findings'],
    [count('failed'), 'could not be probed'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return [counted(results.length, 'server'), ...(told.length === 0 ? [] : [told.join(', ')])].join(': ');
}

/** `info` is a word without a plural. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 || noun === 'info' ? '' : 's'}`;
}

/** What was not tried, together with all else that has the same reason. */
export function reasonsNotTried({ notTried }: ProbeResult): ReadonlyMap<string, readonly string[]> {
  const reasons = new Map<string, readonly string[]>();
  for (const { check, reason } of notTried) reasons.set(reason, [...(reasons.get(reason) ?? []), check]);
  return reasons;
}
