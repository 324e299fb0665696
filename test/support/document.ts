import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.ts';

/** A document in Markdown, as far as tests have to understand it. */
export interface Document {
  /** Its path in the repository. */
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** A fenced block, and the comment right above it. */
export interface Block {
  readonly language: string;
  readonly text: string;
  readonly comment: string;
}

/** The README and all under docs/. */
export function documents(): readonly Document[] {
  const names = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const files = names.filter(name => name.endsWith('.md')).map(name => `docs/${name}`);
  return ['README.md', ...files.sort()].map(document);
}

export function document(file: string): Document {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(/(?:^<!-- (.*) -->\n)?^```(\w*)\n([\s\S]*?)^```$/gm);
  const blocks = [...found].map(([, comment = '', language = '', code = '']) => ({
    comment,
    language,
    text: code,
  }));
  return { file, text, blocks };
}

/** The text without its fenced blocks. */
export function prose({ text }: Document): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** The rows of the table whose head begins with these cells; the blanks that align the columns are left out. */
export function table(doc: Document, ...head: readonly string[]): readonly (readonly string[])[] {
  const lines = doc.text.split('\n');
  const from = lines.findIndex(line => {
    const cells = line.startsWith('| ') ? cellsOf(line) : [];
    return cells.length >= head.length && head.every((cell, index) => cells[index] === cell);
  });
  if (from < 0) throw new Error(`${doc.file} has no table ${head.join(' | ')}`);
  const rows = lines.slice(from + 2);
  const end = rows.findIndex(line => !line.startsWith('|'));
  return rows.slice(0, end < 0 ? rows.length : end).map(cellsOf);
}

function cellsOf(row: string): readonly string[] {
  return row
    .replace(/^\| | ?\|$/g, '')
    .split(/ ?\| ?(?=(?:[^`]*`[^`]*`)*[^`]*$)/)
    .map(cell => cell.trim());
}

/** The part of a document below a heading, up to the next one of its rank. */
export function section({ file, text, blocks }: Document, heading: string): Document {
  const rank = /^#+/.exec(heading)?.[0] ?? '';
  const [, below] = text.split(`\n${heading}\n`);
  if (below === undefined) throw new Error(`${file} has no heading ${heading}`);
  const [own = ''] = below.split(new RegExp(`^#{1,${rank.length}} `, 'm'));
  return { file, text: own, blocks: blocks.filter(block => own.includes(block.text)) };
}

/** What stands between backticks in a cell, or the whole cell. */
export function code(cell: string | undefined): string {
  return /`([^`]+)`/.exec(cell ?? '')?.[1] ?? cell ?? '';
}

/** The anchors that a document's headings make, as GitHub makes them. */
export function anchors(doc: Document): readonly string[] {
  const headings = [...prose(doc).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map(heading =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
