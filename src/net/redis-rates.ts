import type { Redis, RedisOptions } from 'ioredis';
import type { RateLimiterMemory } from 'rate-limiter-flexible';
import { SallyportError } from '../errors.ts';
import { type Log, silent } from '../log.ts';
import { printable } from '../wire/printable.ts';
import { isWithin, type RateStore, WINDOW } from './rate-limit.ts';

/** Limits over time that several machines share, in a Redis. */
export interface RedisRates extends RateStore {
  close(): void;
}

const OPTIONS = {
  lazyConnect: true,
  // Nothing waits for Redis to come back: what cannot be asked now is counted here.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 250,
  retryStrategy: attempts => Math.min(attempts * 200, 5000),
  connectionName: 'sallyport',
} as const satisfies RedisOptions;

/**
 * Counts in the Redis of a URL (`redis://`, with TLS `rediss://`) or of a Unix socket. One that cannot be reached, or
 * does not answer within 250 ms, harms nobody: this process counts for itself meanwhile, goes on trying to connect, and
 * logs both once. Throws ERR_OPTION for what is no URL, and where the optional package `ioredis` is not installed.
 */
export async function redisRates(url: string, log: Log = silent): Promise<RedisRates> {
  // The URL may hold a password: no message repeats it.
  if (!isRedisUrl(url)) {
    throw new SallyportError('ERR_OPTION', 'redis: redis://host:port, rediss://host:port or /path expected');
  }
  const redis = new (await loadRedis())(url, OPTIONS);
  const { RateLimiterMemory, RateLimiterRedis } = await import('rate-limiter-flexible');
  const outage = new Outage(redis, log);
  /** What counts meanwhile; it is asked only where Redis could not be. */
  class Insurance extends RateLimiterMemory {
    override consume(...asked: Parameters<RateLimiterMemory['consume']>) {
      outage.noticed();
      return super.consume(...asked);
    }
  }
  await redis.connect().catch(() => undefined); // told by the event `error`
  return {
    limit(name, points) {
      const common = { points, duration: WINDOW, keyPrefix: `sallyport:${name}` };
      const limiter = new RateLimiterRedis({
        ...common,
        storeClient: redis,
        rejectIfRedisNotReady: true,
        // Who is refused is refused here until the minute is over: a flood is not passed on to Redis.
        inMemoryBlockOnConsumed: points,
        insuranceLimiter: new Insurance(common),
      });
      return { take: key => isWithin(limiter.consume(key)) };
    },
    close: () => redis.disconnect(),
  };
}

/** Whether a text is a URL of a Redis, or the path of its Unix socket. */
export function isRedisUrl(text: string): boolean {
  return text.startsWith('/') || (/^rediss?:\/\//.test(text) && URL.canParse(text));
}

/** Throws ERR_OPTION where the optional package `ioredis` is not installed. */
export async function checkRedis(): Promise<void> {
  await loadRedis();
}

async function loadRedis(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (cause) {
    throw new SallyportError('ERR_OPTION', 'redis: the package ioredis is not installed', { cause });
  }
}

/** Whether Redis is away: it is logged when it begins and when it ends, and not in between. */
class Outage {
  readonly #redis: Redis;
  readonly #log: Log;
  #away = false;

  constructor(redis: Redis, log: Log) {
    this.#redis = redis;
    this.#log = log;
    redis.on('error', (error: Error) => this.#began(error.message));
    redis.on('ready', () => this.#ended());
  }

  /** A limit could not be asked for. */
  noticed(): void {
    this.#began('no answer');
    // It is connected and does not answer: until it does, nobody is to wait for it.
    if (this.#redis.status === 'ready') this.#redis.disconnect(true);
  }

  #began(reason: string): void {
    if (this.#away) return;
    this.#away = true;
    this.#log.warn({ reason: printable(reason) }, 'shared limits cannot be reached: counted here');
  }

  #ended(): void {
    if (this.#away) this.#log.info({}, 'shared limits can be reached again');
    this.#away = false;
  }
}
