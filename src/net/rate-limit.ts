/** A limit over time, by a fixed window of a minute that begins with the first event. */
export interface RateLimit {
  /** Counts one more event of `key`; resolves with whether it is within the limit. Never rejects. */
  take(key: string): Promise<boolean>;
}

/** Where the events of limits over time are counted. */
export interface RateStore {
  /** A limit of so many events a minute. Limits of the same name in the same store count together. */
  limit(name: string, perMinute: number): RateLimit;
}

export const WINDOW = 60;

/** Counts in this process. Each key is forgotten with its window. */
export const inMemory: RateStore = {
  limit(name, points) {
    // Loaded where a limit is set only: the package loads its stores for twenty databases, which takes a while.
    const limiter = import('rate-limiter-flexible').then(
      ({ RateLimiterMemory }) => new RateLimiterMemory({ points, duration: WINDOW, keyPrefix: name }),
    );
    return { take: async key => isWithin((await limiter).consume(key)) };
  },
};

/** What the limiter says of one more event; where it cannot tell, nobody is to be harmed by that. */
export function isWithin(consumed: Promise<unknown>): Promise<boolean> {
  return consumed.then(
    () => true,
    reason => reason instanceof Error,
  );
}
