import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';

/** The identifier octets of the universal types that LDAP is made of (X.690 section 8.1.2). */
export const BER = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: its identifier octet, which holds class, form and number, and what it contains. */
export interface BerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Writes an element as latin1, its length in as few octets as can be; parts follow each other. */
export function encodeElement(tag: number, ...parts: readonly string[]): string {
  const content = parts.join('');
  return `${octet(tag)}${encodeLength(content.length)}${content}`;
}

/** Writes a whole number of at most 32 bits, as an INTEGER or with another tag. */
export function encodeInteger(value: number, tag: number = BER.integer): string {
  if ((value | 0) !== value) throw new RangeError('not a whole number of 32 bits');
  let octets = octet(value & 0xff);
  // X.690 section 8.3.2: as few octets as hold the number and its sign.
  for (let rest = value >> 7; rest !== 0 && rest !== -1; rest >>= 8)
    octets = octet((rest >> 1) & 0xff) + octets;
  return encodeElement(tag, octets);
}

export function encodeBoolean(value: boolean): string {
  return encodeElement(BER.boolean, value ? '\xff' : '\0');
}

/**
 * How many octets of an element's length stand behind the first one. Throws ERR_BAD_SYNTAX for the indefinite
 * form, which LDAP forbids (RFC 4511 section 5.1), and for more than four.
 */
export function extraLengthOctets(first: number): number {
  if (first < 0x80) return 0;
  const count = first & 0x7f;
  if (count === 0 || count > MAX_LENGTH_OCTETS)
    throw new SallyportError('ERR_BAD_SYNTAX', 'form of a length');
  return count;
}

/** The length that an octet and those behind it say; leading zeros are allowed, as Windows sends them. */
export function decodeLength(first: number, extra: Uint8Array): number {
  return first < 0x80 ? first : extra.reduce((length, each) => length * 0x100 + each, 0);
}

/** The elements that stand one behind the other in `content`, up to its end; what they contain is not looked at. */
export function decodeElements(content: Uint8Array): readonly BerElement[] {
  const elements: BerElement[] = [];
  for (let at = 0; at < content.length; ) {
    const tag = octetAt(content, at);
    if ((tag & 0x1f) === 0x1f) throw new SallyportError('ERR_BAD_SYNTAX', 'tag of several octets');
    const first = octetAt(content, at + 1);
    const begin = at + 2 + extraLengthOctets(first);
    const end = begin + decodeLength(first, content.subarray(at + 2, begin));
    if (end > content.length) throw new SallyportError('ERR_BAD_SYNTAX', 'element is cut off');
    elements.push({ tag, content: content.subarray(begin, end) });
    at = end;
  }
  return elements;
}

/** The elements in an element of that tag. */
export function decodeConstructed(element: BerElement | undefined, tag: number): readonly BerElement[] {
  return decodeElements(contentOf(element, tag));
}

/** A whole number of at most 32 bits; more octets than it needs are allowed up to four, as others allow them. */
export function decodeInteger(element: BerElement | undefined, tag: number = BER.integer): number {
  const content = contentOf(element, tag);
  if (content.length === 0 || content.length > 4)
    throw new SallyportError('ERR_BAD_SYNTAX', 'size of a number');
  const sign = octetAt(content, 0) < 0x80 ? 0 : -1;
  return content.reduce((value, each) => (value << 8) | each, sign);
}

/** X.690 section 8.2: all but zero is true. */
export function decodeBoolean(element: BerElement | undefined): boolean {
  const content = contentOf(element, BER.boolean);
  if (content.length !== 1) throw new SallyportError('ERR_BAD_SYNTAX', 'size of a boolean');
  return content[0] !== 0;
}

/** The octets of an OCTET STRING, or of one with another tag, as latin1. */
export function decodeText(element: BerElement | undefined, tag: number = BER.octetString): string {
  const { buffer, byteOffset, length } = contentOf(element, tag);
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}

/** Four hold any length that memory could. */
const MAX_LENGTH_OCTETS = 4;

function encodeLength(length: number): string {
  if (length < 0x80) return octet(length);
  let octets = '';
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) octets = octet(rest % 0x100) + octets;
  return octet(0x80 + octets.length) + octets;
}

function octet(value: number): string {
  return String.fromCharCode(value);
}

function octetAt(bytes: Uint8Array, at: number): number {
  const found = bytes[at];
  if (found === undefined) throw new SallyportError('ERR_BAD_SYNTAX', 'element is cut off');
  return found;
}

function contentOf(element: BerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new SallyportError('ERR_BAD_SYNTAX', 'another element was expected');
  return element.content;
}
