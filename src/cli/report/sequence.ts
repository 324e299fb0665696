import type { Moment } from '../../probe/probe-result.ts';
import { markup, shown } from './shown.ts';
import { type Spoken, spoken } from './spoken.ts';

export interface SequenceOptions {
  /** Of the picture, in pixels. */
  readonly width: number;
  /** Lines of what was said. */
  readonly limit: number;
}

/** All in pixels; a character of the fixed font is CHARACTER wide. */
const CHARACTER = 6.7;
const LINE = 15;
const MARGIN = 12;
const HEAD = 34;
const BAND = 22;
const NARROW = 500;

/**
 * A picture of a dialogue, as SVG: the client on the left, the server on the right, and what one says to the other
 * from the top to the bottom. Each stretch in plaintext and under TLS has a band of its own behind it, with its name;
 * an arrow in plaintext is dashed, so that nobody has to tell colours apart.
 */
export function sequence(moments: readonly Moment[], { width, limit }: SequenceOptions): string {
  const room = Math.floor((width - 4 * MARGIN) / CHARACTER);
  const parts: string[] = [];
  let y = HEAD;
  for (const stretch of stretchesOf(spoken(moments, limit))) {
    const top = y;
    y += BAND;
    const rows: string[] = [];
    for (const each of stretch.spoken) {
      const row = rowOf(each, { y, width, room });
      rows.push(row.svg);
      y += row.height;
    }
    y += 4;
    const kind = stretch.secure ? 'secure' : 'plain';
    const plain = width < NARROW ? 'plaintext' : 'plaintext: everybody on the way can read and change it';
    const name = stretch.secure ? 'under TLS' : plain;
    parts.push(
      `<rect class="band ${kind}" x="0.5" y="${top + 0.5}" width="${width - 1}" height="${y - top - 1}" rx="4"/>`,
      `<text class="name ${kind}" x="${width / 2}" y="${top + 15}">${name}</text>`,
      ...rows,
    );
  }
  return frame(parts.join('\n'), { width, height: y });
}

interface Stretch {
  readonly secure: boolean;
  readonly spoken: Spoken[];
}

/** The handshake belongs to TLS. */
function stretchesOf(all: readonly Spoken[]): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (const each of all) {
    const last = stretches.at(-1);
    if (last?.secure === each.secure) last.spoken.push(each);
    else stretches.push({ secure: each.secure, spoken: [each] });
  }
  return stretches;
}

interface Place {
  readonly y: number;
  readonly width: number;
  readonly room: number;
}

function rowOf({ kind, by, secure, lines, at }: Spoken, { y, width, room }: Place) {
  const pieces = lines.flatMap(line => broken(shown(line), room));
  const style = kind === 'said' ? (secure ? 'secure' : 'plain') : 'note';
  const [left, right] = [MARGIN, width - MARGIN];
  const x = by === 'server' ? right - MARGIN - longest(pieces) * CHARACTER : left + MARGIN;
  const texts = pieces.map(
    (piece, index) =>
      `<text class="said ${style}" x="${x.toFixed(1)}" y="${y + 12 + index * LINE}">${markup(piece)}</text>`,
  );
  const level = y + pieces.length * LINE + 6;
  const title = `<title>${by === 'both' ? 'both' : by}, ${at.toFixed(1)} ms</title>`;
  const svg = `<g>${title}${texts.join('')}${arrow(by, { left, right, level, style })}</g>`;
  return { svg, height: pieces.length * LINE + 14 };
}

function arrow(
  by: Spoken['by'],
  { left, right, level, style }: { left: number; right: number; level: number; style: string },
): string {
  const toRight = `${right - 7},${level - 4} ${right - 1},${level} ${right - 7},${level + 4}`;
  const toLeft = `${left + 7},${level - 4} ${left + 1},${level} ${left + 7},${level + 4}`;
  const heads = [...(by === 'server' ? [] : [toRight]), ...(by === 'client' ? [] : [toLeft])];
  const shaft = `<path class="shaft ${style}" d="M${left + 2} ${level}H${right - 2}"/>`;
  return shaft + heads.map(points => `<polygon class="head ${style}" points="${points}"/>`).join('');
}

function longest(lines: readonly string[]): number {
  return Math.max(...lines.map(line => line.length));
}

/** Cut where the room ends, at a blank where there is one in the last third. */
function broken(line: string, room: number): readonly string[] {
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > room) {
    const blank = rest.lastIndexOf(' ', room);
    const end = blank > room * 0.66 ? blank + 1 : room;
    pieces.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

function frame(body: string, { width, height }: { width: number; height: number }): string {
  const life = (x: number) => `<path class="life" d="M${x} ${HEAD - 4}V${height}"/>`;
  return [
    `<svg class="sequence" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The dialogue as a sequence">`,
    `<text class="peer" x="${MARGIN - 8}" y="20">client</text>`,
    `<text class="peer end" x="${width - MARGIN + 8}" y="20">server</text>`,
    body,
    life(MARGIN),
    life(width - MARGIN),
    '</svg>',
  ].join('\n');
}
