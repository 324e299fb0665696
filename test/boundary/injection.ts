import { Buffer } from 'node:buffer';
import { LONG } from './checks/check.ts';
import type { Dialect } from './dialect.ts';

/** Stands for the ClientHello of the client that makes the attack. */
export const HELLO = Symbol('ClientHello');

export type Content = readonly (string | typeof HELLO)[];

/** Where the bytes before the go-ahead are cut into segments, and how long after the one before each is sent. */
export interface Cut {
  /** Counted from the end of the upgrade command: 0 is between command and content. */
  readonly at: number;
  /** In milliseconds. */
  readonly after: number;
}

/** Bytes where none belong, around one upgrade. */
export interface Injection {
  readonly title: string;
  /** What is injected. */
  content(dialect: Dialect): Content;
  /** Whether all that leads up to the command is sent with it, unanswered. */
  readonly pipelined?: boolean;
  readonly cuts?: readonly Cut[];
  /** Whether the client has asked for so many replies, and read none, that the server has stopped reading. */
  readonly behindReplies?: boolean;
  /** For content that is not sent behind the command but in plaintext after the go-ahead. */
  readonly amid?: 'before the hello' | 'inside the hello' | 'before Finished';
}

/** The boundary matrix: 64 cases. */
export function matrix(): Injection[] {
  return [...sameSegment(), ...cutCommand(), ...ownSegment(), ...afterGoAhead()];
}

/** `size` bytes of whole lines behind the command, at once. */
export function flood(size: number): Injection {
  return { title: `${size} bytes behind the command`, content: dialect => [linesOf(dialect, size)] };
}

/** A ClientHello that does not wait for the go-ahead. */
export function earlyHellos(): Injection[] {
  const content = (): Content => [HELLO];
  const late = [0, 0.5, 1, 2, 5].map(after => ({
    title: `ClientHello, own segment, ${after} ms later`,
    content,
    cuts: [{ at: 0, after }],
  }));
  return [{ title: 'ClientHello, same segment', content }, ...late];
}

/** What lies in the buffer of a socket that the server has paused, and not in its parser. */
export function behindReplies(): Injection[] {
  return (LONG ? [LINE, PARTIAL, EARLY] : [LINE]).map(([what, content]) => ({
    title: `${what}, own segment, behind replies that nobody reads`,
    content,
    cuts: [{ at: 0, after: 5 }],
    behindReplies: true,
  }));
}

type Named = readonly [title: string, content: Injection['content']];

const LINE: Named = ['a line', ({ injected }) => [injected]];
const PARTIAL: Named = ['a partial line', ({ injected }) => [injected.slice(0, 2)]];
const LONE_CR: Named = ['a lone CR', () => ['\r']];
const EARLY: Named = ['ClientHello', () => [HELLO]];
const TWELVE: Named = ['12 KB', dialect => [linesOf(dialect, 12_000)]];

const CONTENTS: readonly Named[] = [
  LINE,
  ['three lines', ({ injected }) => [injected.repeat(3)]],
  PARTIAL,
  LONE_CR,
  ['a blank', () => [' ']],
  ['an empty line', () => ['\r\n']],
  ['NUL', () => ['\0']],
  EARLY,
  ['ClientHello and a line', ({ injected }) => [HELLO, injected]],
  ['a line and ClientHello', ({ injected }) => [injected, HELLO]],
  ['the command again', ({ command }) => [command]],
  TWELVE,
  ['60 KB', dialect => [linesOf(dialect, 60_000)]],
];

function sameSegment(): Injection[] {
  return [false, true].flatMap(pipelined =>
    CONTENTS.map(([what, content]) => ({
      title: `${what}, same segment${pipelined ? ' as all before' : ''}`,
      content,
      pipelined,
    })),
  );
}

/** The content comes with the last piece of the command. */
function cutCommand(): Injection[] {
  return [-1, -2, -3, -5].flatMap(at =>
    [LINE, PARTIAL, LONE_CR, EARLY].map(([what, content]) => ({
      title: `${what}, the command cut at ${at}`,
      content,
      cuts: [{ at, after: 2 }],
    })),
  );
}

function ownSegment(): Injection[] {
  return [0, 0.5, 1, 2, 5, 20].flatMap(after =>
    [LINE, PARTIAL, EARLY].map(([what, content]) => ({
      title: `${what}, own segment, ${after} ms later`,
      content,
      cuts: [{ at: 0, after }],
    })),
  );
}

function afterGoAhead(): Injection[] {
  const amid = (where: NonNullable<Injection['amid']>, [what, content]: Named) => ({
    title: `${what}, ${where}`,
    content,
    amid: where,
  });
  return [
    amid('before the hello', LINE),
    amid('before the hello', PARTIAL),
    amid('inside the hello', LINE),
    amid('before Finished', LINE),
  ];
}

function linesOf({ injected }: Dialect, size: number): string {
  return injected.repeat(Math.ceil(size / Math.max(1, injected.length)));
}

/** The content as bytes, with the hello in its place. */
export function bytesOf(content: Content, hello: Buffer): Buffer {
  return Buffer.concat(content.map(part => (part === HELLO ? hello : Buffer.from(part, 'latin1'))));
}
