import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { type Environment, insertVariables } from './environment.ts';
import type { Mistake, Position } from './mistake.ts';
import { syntaxMistakes } from './syntax.ts';

export type Path = readonly (string | number)[];

/** The text of a configuration as YAML: what it says, and where each of it stands. */
export class Source {
  readonly file: string;
  /** Without these there would be no sense in looking at the values. */
  readonly syntax: readonly Mistake[];
  /** Variables of the environment that are not there, and where they were to stand. */
  readonly missing: readonly (Mistake & { readonly path: Path })[];
  /** As the file has it. */
  readonly written: unknown;
  /** With what the environment has put in. */
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(file: string, text: string, environment: Environment) {
    this.file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const place = (offset: number) => this.#position(offset);
    this.syntax = syntaxMistakes(file, this.#document, text, place);
    if (this.syntax.length > 0) {
      this.missing = [];
      return;
    }
    this.written = this.#document.toJS();
    this.missing = this.#insert(environment);
    this.value = this.#document.toJS();
  }

  /** Where a value stands; with `key`, where the key to it does. What is not there has the place of what it would be in. */
  position(path: Path, { key = false }: { readonly key?: boolean } = {}): Position {
    let node: unknown = this.#resolved(this.#document.contents);
    let offset = startOf(node);
    for (const [depth, step] of path.entries()) {
      const last = depth === path.length - 1;
      const found = childOf(node, step);
      if (found === undefined) break;
      offset = key && last ? startOf(found.key) : (startOf(found.value) ?? startOf(found.key) ?? offset);
      node = this.#resolved(found.value);
    }
    return this.#position(offset ?? 0);
  }

  /** Whether a variable that was to stand there, or in it, is not set: that is a mistake already. */
  isMissing(path: Path): boolean {
    return this.missing.some(({ path: own }) => path.every((step, depth) => own[depth] === step));
  }

  /** What the file has there, before the environment. */
  writtenAt(path: Path): unknown {
    let value: unknown = this.written;
    for (const step of path) {
      if (typeof value !== 'object' || value === null) return undefined;
      value = Object.getOwnPropertyDescriptor(value, step)?.value;
    }
    return value;
  }

  #insert(environment: Environment) {
    const missing: (Mistake & { readonly path: Path })[] = [];
    visit(this.#document, {
      Scalar: (key, node, ancestors) => {
        if (key === 'key' || typeof node.value !== 'string') return;
        const path = pathOf(key, ancestors);
        // A shell puts them in by itself, and has more of them.
        if (path.at(-1) === 'exec') return;
        const { text, unknown } = insertVariables(node.value, environment);
        node.value = text;
        const position = this.#position(startOf(node) ?? 0);
        for (const { found, right } of unknown)
          missing.push({ file: this.file, position, found, right, path });
      },
    });
    return missing;
  }

  #resolved(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function childOf(node: unknown, step: string | number): { key: unknown; value: unknown } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { key: item, value: item };
  }
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** The path to a scalar, as `visit` of yaml tells where it is. */
function pathOf(
  key: number | 'value' | null,
  ancestors: readonly (Document | Node | { key: unknown })[],
): Path {
  return ancestors.flatMap((ancestor, index): Path => {
    if (isPair(ancestor)) return isScalar(ancestor.key) ? [String(ancestor.key.value)] : [];
    if (!isSeq(ancestor)) return [];
    const child = ancestors[index + 1];
    return [child === undefined ? Number(key) : ancestor.items.indexOf(child)];
  });
}
