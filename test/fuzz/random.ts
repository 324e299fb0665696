import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Chances that one seed decides, so that what a run has found can be found again. */
export interface Random {
  /** A whole number below `bound`. */
  below(bound: number): number;
  /** One of them. Throws when there is none. */
  oneOf<T>(choices: readonly T[]): T;
}

export function randomOf(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const below = (bound: number) => uniformInt(generator, 0, bound - 1);
  return {
    below,
    oneOf(choices) {
      const [chosen] = choices.slice(below(choices.length));
      if (chosen === undefined) throw new Error('nothing to choose from');
      return chosen;
    },
  };
}
