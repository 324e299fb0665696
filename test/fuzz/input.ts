import { type ErrorCode, errorTable } from '../../src/errors.ts';
import { escaped, unescaped } from '../support/transcript.ts';

/** One thing that happens to a machine: words from either side, or an event. */
export type Happening =
  | { readonly kind: 'said' | 'answered'; readonly text: string }
  | { readonly kind: 'event'; readonly event: Event };

/** What may happen besides words; every code of the table is one that a deadline, a limit or a shutdown gives. */
export type Event = (typeof EVENTS)[number] | ErrorCode;

export const EVENTS = [
  'TLS',
  'ended',
  'connected',
  'connected, greeted',
  'upstream ended',
  'drained',
] as const;

/** All that happens, in order. The machine has been started before, with TLS where the first event is `TLS`. */
export type Input = readonly Happening[];

/** One happening a line, as in a transcript: `C: ` for the peer, `U< ` for the upstream, `-- … --` for an event. */
export function writeInput(input: Input): string {
  return input
    .map(each => {
      if (each.kind === 'event') return `-- ${each.event} --\n`;
      return `${each.kind === 'said' ? 'C:' : 'U<'} ${escaped(each.text)}\n`;
    })
    .join('');
}

/** Throws for a line that is none. */
export function readInput(text: string): Input {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [, event] = /^-- (.*) --$/.exec(line) ?? [];
      if (event !== undefined && isEvent(event)) return { kind: 'event', event };
      const [, who, words = ''] = /^(C:|U<) (.*)$/.exec(line) ?? [];
      if (who === undefined) throw new Error(`not a line of an input: ${line}`);
      return { kind: who === 'C:' ? 'said' : 'answered', text: unescaped(words) };
    });
}

function isEvent(text: string): text is Event {
  return (EVENTS as readonly string[]).includes(text) || text in errorTable;
}
