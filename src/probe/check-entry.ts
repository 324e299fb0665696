/** How bad a fault is: `error` is open to attack or does not work, `warning` weakens, `info` is good to know. */
export type Severity = 'error' | 'warning' | 'info';

/** What a check is about. */
export type Family = 'offer' | 'boundary' | 'dialogue' | 'clients' | 'handshake' | 'certificate' | 'service';

/** How far the first connection has to come for a check to make sense. */
export type Reached = 'connected' | 'go-ahead' | 'secure' | 'answered';

export interface CheckEntry {
  readonly family: Family;
  readonly severity: Severity;
  /** What is wrong where the check finds something, in one sentence without its full stop. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
  /** RFCs with their sections, CVEs, papers. */
  readonly references: readonly string[];
  readonly needs: Reached;
  /** Whether it is about the upgrade, so that there is nothing to check where TLS comes first. */
  readonly inBand: boolean;
  /** Whether it could disturb a service; it then has to be asked for. */
  readonly intrusive: boolean;
}

type Given = Omit<CheckEntry, 'inBand' | 'intrusive'> & Partial<CheckEntry>;

/** An entry of the table, with what is left out filled in. */
export function check(given: Given): CheckEntry {
  return { inBand: false, intrusive: false, ...given };
}
