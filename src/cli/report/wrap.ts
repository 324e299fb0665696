export interface WrapOptions {
  /** In columns. */
  readonly width: number;
  /** In front of the first line. */
  readonly first?: string;
  /** In front of the others. Default: as many blanks as `first` has. */
  readonly rest?: string;
}

/** Breaks a text at its blanks into lines of at most `width` columns; a word that is longer is cut. */
export function wrap(
  text: string,
  { width, first = '', rest = ' '.repeat(first.length) }: WrapOptions,
): string[] {
  const room = Math.max(20, width - Math.max(first.length, rest.length));
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap(each => cut(each, room))) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each, index) => (index === 0 ? first : rest) + each);
}

function cut(word: string, room: number): readonly string[] {
  const pieces: string[] = [];
  for (let at = 0; at < word.length; at += room) pieces.push(word.slice(at, at + room));
  return pieces.length === 0 ? [''] : pieces;
}
