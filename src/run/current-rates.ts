import type { Log } from '../log.ts';
import { inMemory, type RateLimit, type RateStore } from '../net/rate-limit.ts';
import { redisRates } from '../net/redis-rates.ts';
import { type Change, NO_CHANGE } from './change.ts';

interface Store {
  readonly url: string | undefined;
  readonly rates: RateStore;
  close(): void;
}

const IN_PROCESS: Store = { url: undefined, rates: inMemory, close: () => undefined };

/** Where limits over time are counted now; they go over to another place when that changes, and begin anew there. */
export class CurrentRates implements RateStore {
  readonly #log: Log;
  #store: Store = IN_PROCESS;

  constructor(log: Log) {
    this.#log = log;
  }

  limit(name: string, perMinute: number): RateLimit {
    let store = this.#store;
    let limit = store.rates.limit(name, perMinute);
    return {
      take: key => {
        if (store !== this.#store) {
          store = this.#store;
          limit = store.rates.limit(name, perMinute);
        }
        return limit.take(key);
      },
    };
  }

  /** Makes ready to count in the Redis of a URL, or in this process. Rejects with ERR_OPTION, as `redisRates` does. */
  async prepare(url: string | undefined): Promise<Change> {
    const before = this.#store;
    if (url === before.url) return NO_CHANGE;
    const store = await this.#storeAt(url);
    const commit = async () => {
      this.#store = store;
      before.close();
    };
    return { commit, cancel: async () => store.close() };
  }

  close(): void {
    this.#store.close();
  }

  async #storeAt(url: string | undefined): Promise<Store> {
    if (url === undefined) return IN_PROCESS;
    const rates = await redisRates(url, this.#log);
    return { url, rates, close: () => rates.close() };
  }
}
