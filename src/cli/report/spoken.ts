import type { Moment } from '../../probe/probe-result.ts';

/** A moment as it is shown: who, whether under TLS, and the lines of it. */
export interface Spoken {
  readonly kind: Moment['kind'];
  readonly by: 'client' | 'server' | 'both';
  readonly secure: boolean;
  readonly lines: readonly string[];
  /** In milliseconds. */
  readonly at: number;
}

/** What happened on a connection, as lines; behind `limit` lines in all, what is left out is counted. */
export function spoken(moments: readonly Moment[], limit: number): readonly Spoken[] {
  const all: Spoken[] = [];
  let secure = beginsSecure(moments);
  let left = limit;
  for (const [index, moment] of moments.entries()) {
    if (left <= 0) {
      const note = `… and ${moments.length - index} more`;
      all.push({ kind: 'note', by: 'both', secure, lines: [note], at: moment.at });
      break;
    }
    if (moment.kind === 'tls') secure = true;
    const lines = linesOf(moment);
    const kept =
      lines.length <= left ? lines : [...lines.slice(0, left), `… and ${lines.length - left} lines more`];
    left -= kept.length;
    const by = moment.kind === 'tls' ? 'both' : moment.by;
    const under = moment.kind === 'said' ? moment.secure : secure;
    all.push({ kind: moment.kind, by, secure: under, lines: kept, at: moment.at });
  }
  return all;
}

/** Words under TLS without a handshake before them: the moments begin in the midst of a connection. */
function beginsSecure(moments: readonly Moment[]): boolean {
  const first = moments.find(({ kind }) => kind !== 'note');
  return first?.kind === 'said' && first.secure;
}

function linesOf(moment: Moment): readonly string[] {
  if (moment.kind === 'tls') return [`TLS handshake: ${moment.version}, ${moment.cipher}`];
  if (moment.kind === 'note') return [moment.text];
  return splitLines(moment.text).map(line => shortened(line, moment.size));
}

/** Parts escaped text at its CRLFs, which are not shown: all other line ends are. */
export function splitLines(text: string): readonly string[] {
  const lines: string[] = [''];
  for (const [token] of text.matchAll(/\\x0d\\x0a|\\\\|[\s\S]/g)) {
    if (token === String.raw`\x0d\x0a`) lines.push('');
    else lines.push((lines.pop() ?? '') + token);
  }
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();
  return lines;
}

const LONGEST = 320;

function shortened(line: string, size: number): string {
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST)}… (${size} bytes in all)`;
}
