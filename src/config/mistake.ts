/** Where something stands in a file; both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong in a configuration. */
export interface Mistake {
  /** As the user has named it. */
  readonly file: string;
  /** Absent where the file as a whole is meant. */
  readonly position: Position | undefined;
  /** What was found. */
  readonly found: string;
  /** What would be right. */
  readonly right: string;
}

/** `FILE:LINE:COLUMN: what was found; what would be right`, as compilers have it, so that editors jump there. */
export function mistakeText({ file, position, found, right }: Mistake): string {
  const where = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return `${where}: ${found}; ${right}`;
}

/** In the order of the file, each once. */
export function inOrder(mistakes: readonly Mistake[]): readonly Mistake[] {
  const once = new Map(mistakes.map(mistake => [mistakeText(mistake), mistake]));
  return [...once.values()].sort((a, b) => {
    const [first, second] = [a.position, b.position];
    return (first?.line ?? 0) - (second?.line ?? 0) || (first?.column ?? 0) - (second?.column ?? 0);
  });
}
