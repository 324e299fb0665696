import { Buffer, isUtf8 } from 'node:buffer';
import { SallyportError } from '../errors.ts';

/** A piece of XML markup, from its `<` to its `>`. */
export type Markup =
  | Tag
  | { readonly kind: 'end'; readonly text: string; readonly name: string }
  /** `<?xml …?>` */
  | { readonly kind: 'declaration'; readonly text: string; readonly attributes: Attributes }
  /** A comment, processing instruction, CDATA section or document type: no stream may have one. */
  | { readonly kind: 'restricted'; readonly text: string };

/** The tag that begins an element, or is all of it. */
export interface Tag {
  readonly kind: 'start';
  /** As it came. */
  readonly text: string;
  /** With its prefix. */
  readonly name: string;
  readonly attributes: Attributes;
  /** Whether it ends in `/>`: there is nothing in the element, and no other tag ends it. */
  readonly empty: boolean;
}

/** Values by names; references like `&amp;` stand in them as they came. */
export type Attributes = ReadonlyMap<string, string>;

/**
 * Which quote is open behind `text`, where `open` was the one before it; empty for none. A `>` inside quotes
 * does not end a tag (XML 1.0 section 2.4).
 */
export function quoteBehind(text: string, open = ''): string {
  let quote = open;
  for (const [character] of text.matchAll(/["']/g)) {
    if (quote === '') quote = character;
    else if (quote === character) quote = '';
  }
  return quote;
}

/** Whether quotes have a meaning in what begins like this: in a comment, `don't` would open one. */
export function hasQuotes(text: string): boolean {
  return /^<[^!?/]/.test(text);
}

/**
 * Understands what was read from `<` to `>`. Throws ERR_BAD_SYNTAX where it is not well-formed. Text is the
 * bytes of UTF-8, as latin1.
 */
export function parseMarkup(text: string): Markup {
  checkCharacters(text);
  if (/^<\?xml[ \t\r\n]/.test(text)) {
    if (!text.endsWith('?>')) throw new SallyportError('ERR_BAD_SYNTAX', 'XML declaration');
    return { kind: 'declaration', text, attributes: parseAttributes(text.slice(5, -2)) };
  }
  if (/^<[!?]/.test(text)) return { kind: 'restricted', text };
  if (text.startsWith('</')) return { kind: 'end', text, name: parseEnd(text) };
  const name = nameAt(text, 1);
  const empty = text.endsWith('/>');
  const attributes = parseAttributes(text.slice(1 + name.length, empty ? -2 : -1));
  return { kind: 'start', text, name, attributes, empty };
}

/** A name without its prefix. */
export function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/**
 * The namespace of an element that stands in `parent`, empty for none. Throws ERR_BAD_SYNTAX where its prefix
 * was not declared (Namespaces in XML 1.0 section 5).
 */
export function namespaceOf({ name, attributes }: Tag, parent?: Tag): string {
  const prefixed = name.includes(':');
  const declaration = prefixed ? `xmlns:${name.slice(0, name.indexOf(':'))}` : 'xmlns';
  const namespace = attributes.get(declaration) ?? parent?.attributes.get(declaration);
  if (namespace === undefined && prefixed) throw new SallyportError('ERR_BAD_SYNTAX', 'prefix not declared');
  return namespace ?? '';
}

/**
 * Throws ERR_BAD_SYNTAX for bytes that are not UTF-8, and for characters that XML 1.0 forbids: two parsers that
 * disagree about those are how stanzas are smuggled (CVE-2022-22784, CVE-2022-25236).
 */
export function checkCharacters(text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  if (!isUtf8(bytes) || FORBIDDEN.test(text)) throw new SallyportError('ERR_BAD_SYNTAX', 'characters');
}

/** Makes text safe between tags and in quotes. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&'"]/g, character => ENTITIES[character] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  "'": '&apos;',
  '"': '&quot;',
};

/** XML 1.0 section 2.2: control characters, U+FFFE and U+FFFF. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]/;

/** A name with at most one prefix; what is beyond ASCII is taken as it is. */
const NAME = /[A-Za-z_\x80-\xff][\w.\x80-\xff-]*(?::[A-Za-z_\x80-\xff][\w.\x80-\xff-]*)?/y;

function nameAt(text: string, index: number): string {
  NAME.lastIndex = index;
  const name = NAME.exec(text)?.[0];
  if (name === undefined) throw new SallyportError('ERR_BAD_SYNTAX', 'name expected');
  return name;
}

function parseEnd(text: string): string {
  const name = nameAt(text, 2);
  if (!/^[ \t\r\n]*>$/.test(text.slice(2 + name.length)))
    throw new SallyportError('ERR_BAD_SYNTAX', 'end tag');
  return name;
}

const BLANKS = /[ \t\r\n]*/y;

/** `= 'value'`; a `<` may stand in no value. */
const VALUE = /[ \t\r\n]*=[ \t\r\n]*("[^"<]*"|'[^'<]*')/y;

function parseAttributes(text: string): Attributes {
  const attributes = new Map<string, string>();
  for (let index = 0; ; ) {
    const begin = index;
    index += matchAt(BLANKS, text, index)[0].length;
    if (index === text.length) return attributes;
    if (index === begin) throw new SallyportError('ERR_BAD_SYNTAX', 'blank expected');
    const name = nameAt(text, index);
    const [whole, quoted = ''] = matchAt(VALUE, text, index + name.length);
    index += name.length + whole.length;
    const value = quoted.slice(1, -1);
    if (attributes.has(name)) throw new SallyportError('ERR_BAD_SYNTAX', 'attribute comes twice');
    if (BAD_REFERENCE.test(value)) throw new SallyportError('ERR_BAD_SYNTAX', 'reference');
    attributes.set(name, value);
  }
}

/** Only the five entities that XML itself has: others would need a document type, which no stream has. */
const BAD_REFERENCE = /&(?!(?:lt|gt|amp|apos|quot|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)/;

function matchAt(pattern: RegExp, text: string, index: number): RegExpExecArray {
  pattern.lastIndex = index;
  const match = pattern.exec(text);
  if (match === null) throw new SallyportError('ERR_BAD_SYNTAX', 'attribute');
  return match;
}
