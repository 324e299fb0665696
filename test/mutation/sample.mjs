import { relative } from 'node:path';
import { isDrawn } from './drawn.mjs';

/** Of the mutants that a test reaches only a sample is tried: as a plugin of Stryker, where a compiler would refuse them. */
export const strykerPlugins = [{ kind: 'Checker', name: 'sample', factory: sample }];

function sample() {
  const draw = JSON.parse(process.env.MUTATION_SAMPLE ?? '{"share":100,"seed":0}');
  const check = mutant =>
    isDrawn(mutant, relative('', mutant.fileName), draw)
      ? { status: 'passed' }
      : { status: 'compileError', reason: 'not in the sample' };
  return {
    init: async () => {},
    group: async mutants => [mutants.map(({ id }) => id)],
    check: async mutants => Object.fromEntries(mutants.map(mutant => [mutant.id, check(mutant)])),
  };
}
