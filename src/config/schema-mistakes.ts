import { closestMatch } from 'leven';
import type * as z from 'zod';
import { printable } from '../wire/printable.ts';
import type { Mistake } from './mistake.ts';
import { formAt, isSecret, keysAt, type Shape, wordsAt } from './shape.ts';
import type { Path, Source } from './source.ts';

type Issue = z.core.$ZodIssue;

/** What the schema finds wrong, as mistakes with their places. */
export function schemaMistakes(issues: readonly Issue[], source: Source, shape: Shape): readonly Mistake[] {
  const told = issues.flatMap(issue => wrongs(issue, []));
  return withoutConsequences(told, source, shape).map(wrong => mistakeOf(wrong, source, shape));
}

/**
 * Who has mistyped a key need not be told that the right one is missing, or that the map is none that it may be, nor what a
 * missing variable is not.
 */
function withoutConsequences(told: readonly Wrong[], source: Source, shape: Shape): readonly Wrong[] {
  const meant = told.flatMap(({ kind, path }) => {
    if (kind !== 'unknown') return [];
    const above = path.slice(0, -1);
    const key = closest(String(path.at(-1)), keysAt(shape, above));
    return key === undefined ? [] : [[...above, key].join()];
  });
  const around = told.flatMap(({ kind, path }) => (kind === 'unknown' ? [path.slice(0, -1).join()] : []));
  const missing = source.missing.map(({ path }) => path.join());
  const consequences: Readonly<Record<Wrong['kind'], readonly string[]>> = {
    missing: meant,
    value: [...around, ...missing],
    unknown: [],
  };
  return told.filter(({ kind, path }) => !consequences[kind].includes(path.join()));
}

type Wrong =
  | { readonly kind: 'unknown'; readonly path: Path }
  | { readonly kind: 'missing'; readonly path: Path }
  | { readonly kind: 'value'; readonly path: Path; readonly form?: string };

/** Takes apart what zod has put together: several keys in one issue, and the alternatives of a union. */
function wrongs(issue: Issue, above: Path): readonly Wrong[] {
  const path = [...above, ...(issue.path as Path)]; // no symbols in YAML
  // What there is has an `input`: `reportInput` is on.
  if (issue.input === undefined && path.length > 0) return [{ kind: 'missing', path }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => ({ kind: 'unknown', path: [...path, key] }));
    case 'invalid_union': {
      // The alternative that is meant is the one whose kind is right.
      const [meant, ...others] = issue.errors.filter(branch => !branch.some(isOfAnotherKind));
      if (meant === undefined || others.length > 0) return [{ kind: 'value', path }];
      return meant.flatMap(each => wrongs(each, path));
    }
    case 'custom':
      return [{ kind: 'value', path, form: issue.message }];
    default:
      return [{ kind: 'value', path }];
  }
}

function isOfAnotherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every(branch => branch.some(isOfAnotherKind));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function mistakeOf(wrong: Wrong, source: Source, shape: Shape): Mistake {
  const { file } = source;
  const { path } = wrong;
  switch (wrong.kind) {
    case 'unknown':
      return { file, position: source.position(path, { key: true }), ...unknownKey(path, shape) };
    case 'missing': {
      const above = path.length > 1 ? ` in ${nameOf(path.slice(0, -1))}` : '';
      const found = `${nameOf(path)} is missing${above}`;
      return { file, position: source.position(path), found, right: `it must be ${formAt(shape, path)}` };
    }
    case 'value': {
      const written = source.writtenAt(path);
      const found = `${nameOf(path)} is ${isSecret(shape, path) ? kindOf(written) : shown(written)}`;
      const meant = suggestion(String(written), wordsAt(shape, path));
      const right = meant ?? `it must be ${wrong.form ?? formAt(shape, path)}`;
      return { file, position: source.position(path), found, right };
    }
  }
}

function unknownKey(path: Path, shape: Shape): { readonly found: string; readonly right: string } {
  const key = String(path.at(-1));
  const above = path.slice(0, -1);
  const keys = keysAt(shape, above);
  const where = above.length === 0 ? 'here' : `in ${nameOf(above)}`;
  const found = `there is no key "${printable(key, 60)}" ${where}`;
  return { found, right: suggestion(key, keys) ?? `there are ${keys.join(', ')}` };
}

function suggestion(text: string, words: readonly string[]): string | undefined {
  const meant = closest(text, words);
  return meant === undefined ? undefined : `did you mean "${meant}"?`;
}

/** The word that a text is nearly: with its letters in another order, or with up to three, and a third, of them wrong. */
function closest(text: string, words: readonly string[]): string | undefined {
  const turned = words.find(word => lettersOf(word) === lettersOf(text));
  return turned ?? closestMatch(text, words, { maxDistance: Math.min(3, Math.ceil(text.length / 3)) });
}

function lettersOf(text: string): string {
  return [...text.toLowerCase().replace(/[-_]/g, '')].sort().join('');
}

/** `"address"`, or `item 2 of "address"`. */
export function nameOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'the configuration';
  return typeof last === 'number' ? `item ${last + 1} of ${nameOf(path.slice(0, -1))}` : `"${last}"`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'empty' : `"${printable(value, 60)}"`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}
