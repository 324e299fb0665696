import type { AdmissionLimits } from '../net/admission.ts';
import { checkRedis, isRedisUrl } from '../net/redis-rates.ts';
import { connectionsByDescriptors } from '../options.ts';
import { loadSecret } from './load-secret.ts';
import type { Reading } from './reading.ts';
import type { LimitsSection, ListenerLimitsSection } from './schema/limits.ts';
import { secret } from './schema/values.ts';
import type { Path } from './source.ts';

const REDIS: Path = ['limits', 'redis'];

/** As admission has them. */
export function limitsOf(section: LimitsSection | ListenerLimitsSection): AdmissionLimits {
  return {
    maxConnections: section.connections ?? connectionsByDescriptors(),
    maxPerAddress: section['per-address'],
    connectionsPerMinute: section['connections-per-minute'],
    handshakesPerMinute: section['handshakes-per-minute'],
    trusted: section.trusted ?? [],
  };
}

/** The URL of the Redis in which limits over time are counted; nothing where there is none, or where there is a mistake. */
export async function readRedis(written: unknown, reading: Reading): Promise<string | undefined> {
  const { data } = secret().safeParse(written);
  if (data === undefined || reading.source.isMissing(REDIS)) return undefined;
  const url = await loadSecret(data, REDIS, reading);
  if (url === undefined) return undefined;
  if (!isRedisUrl(url)) {
    // It may hold a password.
    const right = 'it must be redis://HOST:PORT, rediss://HOST:PORT or the path of a Unix socket';
    reading.report(REDIS, '"redis" is not where a Redis could be', right);
    return undefined;
  }
  const right = 'npm install ioredis, or leave "redis" out';
  return reading.taken(
    async () => {
      await checkRedis();
      return url;
    },
    () => REDIS,
    right,
  );
}
