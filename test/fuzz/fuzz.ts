import type { Protocol } from '../../src/dialogue/protocol.ts';
import { type Case, optionsOf, SETTINGS, type Setting } from './corpus.ts';
import { type Grammar, grammarOf } from './grammar.ts';
import { type Input, writeInput } from './input.ts';
import { mutated } from './mutation.ts';
import { play, type Role } from './play.ts';
import { type Random, randomOf } from './random.ts';

export interface FuzzOptions {
  /** How many inputs. */
  readonly count: number;
  /** Decides all of them, together with the corpus. */
  readonly seed: number;
  /** To begin with, besides the transcripts. */
  readonly corpus: readonly Case[];
}

/** The longest input, in happenings, and the most bytes of one that is worth keeping. */
const KEPT = { happenings: 12, bytes: 600 };

/**
 * Plays inputs that were made by chance from a protocol's grammar. One that has a machine do what none did before is
 * kept and changed further, so that the search gets deeper as it goes. Returns the cases that were new, as short as
 * leaving out can make them. Throws at the first that breaks a law; the message has the case.
 */
export function fuzz(protocol: Protocol, role: Role, { count, seed, corpus }: FuzzOptions): Case[] {
  const random = randomOf(seed);
  const grammar = grammarOf(protocol, role);
  const pool: Case[] = [...grammar.conversations.map(input => ({ setting: [], input })), ...corpus];
  const known = new Set<string>();
  for (const each of pool)
    for (const trait of traitsOf(tried(protocol, role, each), grammar)) known.add(trait);
  const fresh: Case[] = [];
  for (let round = 0; round < count; round++) {
    const { setting, input } = random.oneOf(pool);
    const next = {
      setting: random.below(4) === 0 ? anySetting(random) : setting,
      input: mutated(input, grammar, role, random),
    };
    const novel = traitsOf(tried(protocol, role, next), grammar).filter(trait => !known.has(trait));
    if (novel.length === 0) continue;
    const kept = shortened(next, each => {
      const traits = traitsOf(tried(protocol, role, each), grammar);
      return novel.every(trait => traits.includes(trait));
    });
    for (const trait of novel) known.add(trait);
    pool.push(kept);
    if (isSmall(kept.input)) fresh.push(kept);
  }
  return fresh;
}

/** What the case had a machine do. Throws with the case where it breaks a law. */
export function tried(protocol: Protocol, role: Role, { setting, input }: Case): Set<string> {
  try {
    return play(protocol, role, input, optionsOf(setting));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${protocol.name}, ${role}: ${reason}\n# ${setting.join(' ')}\n${writeInput(input)}`, {
      cause,
    });
  }
}

function anySetting(random: Random): Setting {
  return (Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]).filter(() => random.below(3) === 0);
}

/** What was done, without what its speaker chose: an echo would make everything new. */
function traitsOf(behaviour: ReadonlySet<string>, { vocabulary }: Grammar): string[] {
  const told = (word: string) => (vocabulary.has(word) || word.startsWith('ERR_') ? word : '?');
  return [...behaviour].map(sentence => sentence.split(/\s/, 8).map(told).join(' '));
}

/** Leaves out whatever it can without losing what is new. */
function shortened({ setting, input }: Case, isAsNew: (shorter: Case) => boolean): Case {
  let short = input;
  for (let index = input.length - 1; index >= 0; index--) {
    const without = [...short.slice(0, index), ...short.slice(index + 1)];
    if (isAsNew({ setting, input: without })) short = without;
  }
  return { setting, input: short };
}

function isSmall(input: Input): boolean {
  return input.length <= KEPT.happenings && writeInput(input).length <= KEPT.bytes;
}
