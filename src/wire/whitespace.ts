const BLANKS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20]);

/** How many bytes of white space are at the beginning (XML 1.0 section 2.3, `S`). */
export function leadingWhitespace(bytes: Uint8Array): number {
  const ink = bytes.findIndex(byte => !BLANKS.has(byte));
  return ink < 0 ? bytes.length : ink;
}

/** Whether there is nothing but white space. */
export function isWhitespace(bytes: Uint8Array): boolean {
  return leadingWhitespace(bytes) === bytes.length;
}
