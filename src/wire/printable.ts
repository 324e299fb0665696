/**
 * What a peer said, made fit for a log, a terminal or an environment variable: control and non-ASCII
 * characters become `\xNN` or `\u{…}`, a backslash is doubled, and all past `limit` characters is cut off
 * (CWE-117: a CR LF or ESC in a name must not forge a log line or drive a terminal). Default limit 256.
 */
export function printable(text: string, limit = 256): string {
  const kept = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return kept.replace(/[^\x20-\x7e]|\\/gu, escaped);
}

function escaped(character: string): string {
  if (character === '\\') return '\\\\';
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
