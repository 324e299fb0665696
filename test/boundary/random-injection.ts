import { Buffer } from 'node:buffer';
import type { Dialect } from './dialect.ts';
import type { Cut, Injection } from './injection.ts';

/** So that a run can be had again: it is in the title of each injection. */
const SEED = Number(process.env['SALLYPORT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

const LONGEST = 65_536;
const LONGEST_DELAY = 20;
const MOST_CUTS = 3;

/** Injections with a random tail of 1 B to 64 KiB, cut at random, with pauses of 0 to 20 ms. */
export function drawInjections(count: number, dialect: Dialect): Injection[] {
  const random = randomNumbers(SEED);
  return Array.from({ length: count }, (_, index) => draw(index, random, dialect));
}

function draw(index: number, random: () => number, dialect: Dialect): Injection {
  const length = Math.ceil(LONGEST ** random());
  const tail = random() < 0.5 ? lines(dialect, length) : bytes(length, random);
  const cuts = drawCuts(random, dialect.command.length, tail.length);
  const described = cuts.map(({ at, after }) => `${at} (${after.toFixed(1)} ms)`).join(', ');
  return {
    title: `seed ${SEED}, number ${index}: ${tail.length} bytes, cut at ${described}`,
    content: () => [tail],
    pipelined: random() < 0.25,
    cuts,
  };
}

/** Whole lines, and most often a part of one behind them. */
function lines({ injected }: Dialect, length: number): string {
  return injected.repeat(Math.ceil(length / Math.max(1, injected.length))).slice(0, length);
}

function bytes(length: number, random: () => number): string {
  const drawn = Buffer.alloc(length);
  for (let at = 0; at < length; at++) drawn[at] = Math.floor(random() * 256);
  return drawn.toString('latin1');
}

function drawCuts(random: () => number, command: number, tail: number): Cut[] {
  const count = Math.floor(random() * (MOST_CUTS + 1));
  const places = Array.from({ length: count }, () =>
    // In the command, close behind it, or anywhere.
    random() < 0.5 ? Math.floor(random() * command) - command + 1 : Math.floor(random() * tail),
  );
  return [...new Set(places)]
    .sort((one, other) => one - other)
    .map(at => ({ at, after: random() * LONGEST_DELAY }));
}

/** Mulberry32: numbers from 0 up to 1, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
