import { anyHappening, type Grammar } from './grammar.ts';
import type { Happening, Input } from './input.ts';
import type { Role } from './play.ts';
import type { Random } from './random.ts';

/** The longest text of one happening, in bytes, and the most happenings: more is tried by the laws about limits. */
const [MAX_TEXT, MAX_HAPPENINGS] = [20_000, 60];

/** One to five small changes to an input, by chance. */
export function mutated(input: Input, grammar: Grammar, role: Role, random: Random): Input {
  let changed = input;
  for (let count = 1 + random.below(5); count > 0; count--)
    changed = changedOnce(changed, grammar, role, random);
  return changed.slice(0, MAX_HAPPENINGS);
}

function changedOnce(input: Input, grammar: Grammar, role: Role, random: Random): Input {
  const at = random.below(input.length + 1);
  const [before, here, after] = [input.slice(0, at), input[at], input.slice(at + 1)];
  const rest = here === undefined ? after : [here, ...after];
  const dice = random.below(16);
  if (here === undefined || dice < 2) return [...before, anyHappening(grammar, role, random), ...rest];
  if (dice === 2) return [...before, ...after];
  if (dice === 3) return [...before, here, here, ...after];
  if (dice === 4) return [...before, ...random.oneOf(grammar.conversations).slice(random.below(4))];
  if (here.kind === 'event') return [...before, ...after, here];
  if (dice < 7) return [...before, ...cut(here, random), ...after];
  if (dice === 7) return [...before, ...joined(here, after)];
  const text = spoilt(here.text, grammar, random).slice(0, MAX_TEXT);
  return [...before, { kind: here.kind, text }, ...after];
}

function cut({ kind, text }: Exclude<Happening, { kind: 'event' }>, random: Random): Input {
  const at = random.below(text.length + 1);
  return [
    { kind, text: text.slice(0, at) },
    { kind, text: text.slice(at) },
  ];
}

/** What came in two segments comes in one. */
function joined(here: Exclude<Happening, { kind: 'event' }>, [next, ...after]: Input): Input {
  if (next === undefined || next.kind !== here.kind)
    return next === undefined ? [here] : [next, here, ...after];
  return [{ kind: here.kind, text: here.text + next.text }, ...after];
}

function spoilt(text: string, { tokens, said }: Grammar, random: Random): string {
  const at = random.below(text.length + 1);
  const length = 1 + random.below(8);
  const [before, piece, after] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  const dice = random.below(10);
  if (dice < 3) return before + random.oneOf(tokens) + piece + after;
  if (dice === 3) return before + random.oneOf(tokens) + after;
  if (dice === 4) return before + after;
  if (dice === 5) return before + String.fromCharCode(random.below(256)) + piece.slice(1) + after;
  if (dice === 6) return before + piece.repeat(2 + random.below(random.oneOf([3, 50, 3000]))) + after;
  if (dice === 7) return before + swapCase(piece) + after;
  if (dice === 8) return before + flipped(piece, random) + after;
  return before + random.oneOf(said) + piece + after;
}

function swapCase(text: string): string {
  const upper = text.toUpperCase();
  return text === upper ? text.toLowerCase() : upper.replace(/[^\0-\xff]/g, '?');
}

function flipped(text: string, random: Random): string {
  return String.fromCharCode(text.charCodeAt(0) ^ (1 << random.below(8))) + text.slice(1);
}
