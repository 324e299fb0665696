import { createHash } from 'node:crypto';

/**
 * Whether a mutant is in the sample: the same ones for the same seed, whatever else changes in the module. `share` is
 * how many of a hundred are to be.
 */
export function isDrawn({ replacement, location }, file, { share, seed }) {
  const { start, end } = location;
  const name = [seed, file, start.line, start.column, end.line, end.column, replacement].join(':');
  return createHash('sha256').update(name).digest().readUInt32BE() < (2 ** 32 * share) / 100;
}
