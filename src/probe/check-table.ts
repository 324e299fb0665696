import type { CheckEntry } from './check-entry.ts';
import { tlsEntries } from './tls-entries.ts';
import { upgradeEntries } from './upgrade-entries.ts';

export type { CheckEntry, Family, Reached, Severity } from './check-entry.ts';

/** Every check, by its stable id, in the order in which they are carried out. */
export const checkTable = { ...upgradeEntries, ...tlsEntries } as const satisfies Record<string, CheckEntry>;

export type CheckId = keyof typeof checkTable;

export const checkIds = Object.keys(checkTable) as readonly CheckId[]; // the table's own keys
