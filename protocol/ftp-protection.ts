/** A reply that is not written yet: what it says decides whether it counts as one to a bad command. */
export type Answer = readonly [code: number, text: string];

/** RFC 4217 section 9: TLS has no buffer to agree on, so whatever is asked, the size is 0. */
export function bufferSizeAnswer(secure: boolean, size: string): Answer {
  if (!secure) return [503, 'Say AUTH TLS before PBSZ'];
  if (!/^\d{1,10}$/.test(size)) return [501, 'PBSZ needs a number'];
  return [200, 'PBSZ=0'];
}

/** RFC 2228 section 3; `sized` is whether PBSZ was said. */
export function protectionAnswer(sized: boolean, level: string): Answer {
  if (!sized) return [503, 'Say PBSZ before PROT'];
  if (/^[PC]$/i.test(level)) return [200, 'Protection level set'];
  if (/^[SE]$/i.test(level)) return [536, 'Not a level of TLS'];
  return [504, 'Protection level not known'];
}

/** RFC 4217 section 6 and RFC 2389 section 3.2: one blank before each feature. */
export function featureList(features: readonly string[]): string {
  return `211-Features\r\n${features.map(feature => ` ${feature}\r\n`).join('')}211 End\r\n`;
}

/** The features of an upstream, by its reply to FEAT; one that does not know FEAT has none. */
export function theirFeatures(code: number, lines: readonly string[]): readonly string[] {
  const theirs = code === 211 ? lines.slice(1, -1).map(line => line.trim()) : [];
  return theirs.filter(feature => !OURS.test(feature));
}

/** Features that are between us and the client (RFC 4217 section 6, RFC 2228 section 3), or that we do not have. */
const OURS = /^(AUTH|PBSZ|PROT|CCC|LPRT|LPSV|SPSV|CPSV|SSCN)\b/i;
