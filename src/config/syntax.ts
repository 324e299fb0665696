import { type Document, type ErrorCode, visit } from 'yaml';
import type { Mistake, Position } from './mistake.ts';

/** What is no YAML in a document: one mistake a line, as what follows in a line mostly comes of the first. */
export function syntaxMistakes(
  file: string,
  document: Document.Parsed,
  text: string,
  place: (offset: number) => Position,
): readonly Mistake[] {
  const { errors, warnings } = document;
  const mistakes = [...errors, ...warnings].map(({ code, message, pos: [from] }) => {
    const position = place(message.endsWith('quote') ? openedAt(document, from) : from);
    return {
      file,
      position,
      found: foundFor(code, message),
      right: rightFor(code, message, lineAt(text, from)),
    };
  });
  const dangling = danglingAliases(document).map(({ name, offset }) => ({
    file,
    position: place(offset),
    found: `"*${name}" refers to nothing`,
    right: `name a value above it by &${name}, or put the text in quotes`,
  }));
  if (mistakes.length + dangling.length > 0) return firstOfEachLine([...mistakes, ...dangling]);
  return tooManyAliases(file, document);
}

function firstOfEachLine(mistakes: readonly Mistake[]): readonly Mistake[] {
  const lines = new Map<number | undefined, Mistake>();
  for (const mistake of mistakes) {
    if (!lines.has(mistake.position?.line)) lines.set(mistake.position?.line, mistake);
  }
  return [...lines.values()];
}

/** What yaml says, as the beginning of a sentence, where it does not speak of its own interface. */
function foundFor(code: ErrorCode, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins';
  if (code === 'DUPLICATE_KEY') return 'a key stands here for the second time';
  return `this is no YAML: ${message.charAt(0).toLowerCase()}${message.slice(1).replace(/["']quote$/, 'quote')}`;
}

function rightFor(code: ErrorCode, message: string, line: string): string {
  if (/[:-]\s+\[[\da-fA-F:.]*:[\da-fA-F:.]*\]/.test(line))
    return "an address with brackets needs quotes: '[::]:587'";
  if (message.endsWith('quote')) return 'close the quotes';
  return (
    RIGHT[code] ??
    'see that keys end in a colon and a blank, and that what belongs together is indented alike'
  );
}

const RIGHT: Partial<Record<ErrorCode, string>> = {
  DUPLICATE_KEY: 'each key stands once in a map; join the two, or take one away',
  MULTIPLE_DOCS: 'a configuration is one document; take the line --- away',
  TAB_AS_INDENT: 'indent with blanks',
  BLOCK_AS_IMPLICIT_KEY: 'put a text that has a colon and a blank into quotes, or begin a new line for a map',
  BAD_SCALAR_START: 'put the text into quotes',
  BAD_INDENT: 'indent by blanks, alike for what belongs together, and close every bracket',
  TAG_RESOLVE_FAILED: 'write the value without a tag',
};

/** Where the quotes were opened that are not closed at an offset. */
function openedAt(document: Document.Parsed, offset: number): number {
  let opened = offset;
  visit(document, {
    Scalar: (_key, { type, range }) => {
      const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
      if (quoted && range && range[0] < offset && range[2] >= offset) opened = range[0];
    },
  });
  return opened;
}

function lineAt(text: string, offset: number): string {
  const from = text.lastIndexOf('\n', offset - 1) + 1;
  const to = text.indexOf('\n', offset);
  return text.slice(from, to < 0 ? text.length : to);
}

function danglingAliases(document: Document.Parsed) {
  const found: { name: string; offset: number }[] = [];
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) === undefined)
        found.push({ name: alias.source, offset: alias.range?.[0] ?? 0 });
    },
  });
  return found;
}

/** A few lines of aliases can stand for gigabytes. */
function tooManyAliases(file: string, document: Document.Parsed): readonly Mistake[] {
  try {
    document.toJS();
    return [];
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const position = { line: 1, column: 1 };
    return [{ file, position, found: 'the aliases stand for too much', right: 'write the values out' }];
  }
}
