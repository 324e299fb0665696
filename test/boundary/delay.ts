import { setTimeout as pause } from 'node:timers/promises';

/** Waits, also for parts of a millisecond, for which timers are too coarse. */
export async function delay(milliseconds: number): Promise<void> {
  if (milliseconds >= 2) {
    await pause(milliseconds);
    return;
  }
  const until = performance.now() + milliseconds;
  do await new Promise(resolve => setImmediate(resolve));
  while (performance.now() < until);
}
