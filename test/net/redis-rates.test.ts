import { expect } from 'chai';
import type { Log } from '../../src/log.ts';
import { silent } from '../../src/log.ts';
import { type RedisRates, redisRates } from '../../src/net/redis-rates.ts';
import { LittleRedis } from '../support/little-redis.ts';

// Against a real Redis: test/interop/redis.interop.ts.
describe('src/net/redis-rates', () => {
  let rates: RedisRates | undefined;
  let redis: LittleRedis | undefined;

  afterEach(async () => {
    rates?.close();
    await redis?.stop();
  });

  it('refuses what is no URL of a Redis, and does not repeat it', async () => {
    for (const bad of ['http://secret@host', 'redis://secret@:x', 'secret']) {
      const error = await redisRates(bad).catch((reason: unknown) => reason);
      expect(error, bad).to.have.property('code', 'ERR_OPTION');
      expect(String(error)).to.not.contain('secret');
    }
  });

  it('counts by itself and says so once where nobody answers, and says so when somebody does again', async () => {
    redis = await LittleRedis.start();
    const log = new LogBook();
    rates = await redisRates(`redis://127.0.0.1:${redis.port}`, log);
    const limit = rates.limit('handshakes', 1);
    expect(await limit.take('a')).to.equal(true);
    expect([redis.counted, log.messages]).to.deep.equal([1, []]);
    // What has been at the limit there is refused here.
    expect(await limit.take('a')).to.equal(false);
    expect(redis.counted).to.equal(1);
    redis.silent = true;
    expect(await limit.take('b')).to.equal(true);
    expect(await limit.take('b')).to.equal(false);
    expect(log.messages).to.deep.equal(['shared limits cannot be reached: counted here']);
    redis.silent = false;
    redis.hangUp();
    await log.said('shared limits can be reached again');
    expect(await limit.take('c')).to.equal(true);
    expect(log.messages.length).to.equal(2);
  });

  it('does without one that is not there', async () => {
    redis = await LittleRedis.start();
    const { port } = redis;
    await redis.stop();
    const log = new LogBook();
    rates = await redisRates(`redis://127.0.0.1:${port}`, log);
    const limit = rates.limit('handshakes', 1);
    expect([await limit.take('a'), await limit.take('a')]).to.deep.equal([true, false]);
    expect(log.messages).to.deep.equal(['shared limits cannot be reached: counted here']);
  });
});

class LogBook implements Log {
  readonly messages: string[] = [];
  readonly debug = silent.debug;
  readonly error = silent.error;
  #heard: () => void = () => undefined;

  warn(_fields: object, message: string): void {
    this.messages.push(message);
    this.#heard();
  }

  info(fields: object, message: string): void {
    this.warn(fields, message);
  }

  async said(message: string): Promise<void> {
    while (!this.messages.includes(message)) {
      await new Promise<void>(resolve => {
        this.#heard = resolve;
      });
    }
  }
}
