import { InvalidArgumentError, Option } from 'commander';

/** An option with one of a few values. */
export function choice(flags: string, text: string, choices: readonly string[], preset?: string): Option {
  const option = new Option(flags, text).choices([...choices]);
  return preset === undefined ? option : option.default(preset);
}

/** An option that may be given again. */
export function each(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A count, up to nine digits. */
export function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** A TCP port; 0 lets the system choose. */
export function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It must be 0 to 65535.');
}

/** Seconds, to the millisecond. */
export function seconds(text: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number of seconds.');
}

/** Seconds, and not none. */
export function someSeconds(text: string): number {
  const given = seconds(text);
  if (given === 0) throw new InvalidArgumentError('It must be more than 0.');
  return given;
}

/** Two ports, both ends included: `50000-50100`. */
export function portRange(text: string): { readonly from: number; readonly to: number } {
  const [, from = '', to = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  if (from === '') throw new InvalidArgumentError('It must be two ports: 50000-50100.');
  return { from: Number(from), to: Number(to) };
}
