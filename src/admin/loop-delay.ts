/** How often the delay is measured, in milliseconds: seldom enough to cost nothing. */
const INTERVAL = 100;

/**
 * Measures how late the event loop is, ten times a second, and tells it in milliseconds. What blocks the loop for
 * longer than that is measured in full. Node's own histogram would have to be reset by each who reads it, and there
 * may be several.
 */
export function watchLoopDelay(tell: (delay: number) => void): { stop(): void } {
  let due = performance.now() + INTERVAL;
  const timer = setInterval(() => {
    const now = performance.now();
    tell(Math.max(0, now - due));
    due = now + INTERVAL;
  }, INTERVAL);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
