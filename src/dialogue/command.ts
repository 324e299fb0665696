/** A command line's parts. */
export interface CommandParts {
  /** In capitals. */
  readonly verb: string;
  /** What follows, without the blanks around it; empty if there is nothing. */
  readonly argument: string;
}

/**
 * Splits a line at its first blanks. Only the blank itself counts as one: `trim` would take a no-break space,
 * too. Linear: a regular expression with two runs of blanks takes a millisecond for 512 of them.
 */
export function splitCommand(line: string): CommandParts {
  let end = line.length;
  while (line[end - 1] === ' ') end -= 1;
  const blank = line.indexOf(' ');
  if (blank < 0 || blank >= end) return { verb: line.slice(0, end).toUpperCase(), argument: '' };
  let begin = blank;
  while (line[begin] === ' ') begin += 1;
  return { verb: line.slice(0, blank).toUpperCase(), argument: line.slice(begin, end) };
}
