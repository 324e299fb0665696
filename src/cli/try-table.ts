import Table from 'cli-table3';

export interface TryRow {
  readonly protocol: string;
  readonly address: string;
  /** A command that connects, complete. */
  readonly command: string;
}

/** What listens where, and how to try it: a table without rules, so that a command can be copied whole. */
export function tryTable(rows: readonly TryRow[]): string {
  const table = new Table({
    head: ['PROTOCOL', 'ADDRESS', 'TRY'],
    chars: NO_RULES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  table.push(...rows.map(({ protocol, address, command }) => [protocol, address, command]));
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n');
}

const NO_RULES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
