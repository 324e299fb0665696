import { SallyportError } from '../errors.ts';
import { allChecks } from './all-checks.ts';
import { notTried, type Verdict } from './check.ts';
import { type CheckEntry, type CheckId, checkIds, checkTable, type Reached } from './check-table.ts';
import type { Finding, NotTried } from './probe-result.ts';
import type { Probing } from './probing.ts';

/** What the checks have come to. */
export interface Checked {
  readonly findings: readonly Finding[];
  readonly passed: readonly CheckId[];
  readonly notTried: readonly NotTried[];
}

/** Carries out the checks that are asked for, one after the other, in the order of the table. */
export async function carryOut(probing: Probing): Promise<Checked> {
  const findings: Finding[] = [];
  const passed: CheckId[] = [];
  const left: NotTried[] = [];
  for (const id of checkIds) {
    const entry: CheckEntry = checkTable[id];
    const reason = reasonNotTo(id, entry, probing);
    const verdict = reason === undefined ? await tried(id, probing) : notTried(reason);
    if (verdict.kind === 'passed') passed.push(id);
    else if (verdict.kind === 'notTried')
      left.push({ check: id, title: entry.title, reason: verdict.reason });
    else findings.push(findingOf(id, entry, verdict));
  }
  const worst = (finding: Finding) => SEVERITIES.indexOf(finding.severity);
  return { findings: findings.sort((a, b) => worst(a) - worst(b)), passed, notTried: left };
}

const SEVERITIES = ['error', 'warning', 'info'];

function findingOf(id: CheckId, entry: CheckEntry, verdict: Extract<Verdict, { kind: 'found' }>): Finding {
  const { family, severity, title, why, remedy, references } = entry;
  const { detail, evidence } = verdict;
  return { check: id, family, severity, title, why, remedy, references, detail, evidence };
}

async function tried(id: CheckId, probing: Probing): Promise<Verdict> {
  probing.subject.options.progress?.(id);
  try {
    return await allChecks[id](probing);
  } catch (error) {
    if (error instanceof SallyportError && error.blame !== 'caller') return notTried(error.message);
    throw error;
  }
}

const STEPS: readonly Reached[] = ['connected', 'go-ahead', 'secure', 'answered'];

const LACKING: Readonly<Record<Reached, string>> = {
  connected: 'the server could not be reached',
  'go-ahead': 'TLS could not be asked for',
  secure: 'no handshake came about',
  answered: 'the dialogue did not come to its end under TLS',
};

/** Why a check is not carried out; `undefined` where it is. */
function reasonNotTo(id: CheckId, entry: CheckEntry, { subject, first }: Probing): string | undefined {
  const { only, skip, intrusive, signal } = subject.options;
  if (!only.includes(id) || skip.includes(id)) return 'not asked for';
  if (entry.intrusive && !intrusive) return 'it could disturb the service, and was not asked for';
  if (entry.inBand && subject.target.implicit) return 'TLS comes first here';
  if (signal?.aborted === true) return 'the probe was broken off';
  if (STEPS.indexOf(first.reached) >= STEPS.indexOf(entry.needs)) return undefined;
  const why = first.error === undefined ? '' : `: ${first.error.message}`;
  return `${LACKING[entry.needs]}${why}`;
}
