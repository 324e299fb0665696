import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import type { Log } from '../../src/log.ts';
import { silent } from '../../src/log.ts';
import { type RedisRates, redisRates } from '../../src/net/redis-rates.ts';

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

/** Knows what the client asks at its beginning, and counts one for each script. */
class LittleRedis {
  counted = 0;
  silent = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer(socket => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.setEncoding('latin1').on('data', text => this.#answer(socket, String(text)));
    });
  }

  static async start(): Promise<LittleRedis> {
    const redis = new LittleRedis();
    redis.#server.listen(0, '127.0.0.1');
    await once(redis.#server, 'listening');
    return redis;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async stop(): Promise<void> {
    this.hangUp();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(socket: Socket, text: string): void {
    if (this.silent) return;
    // Each command is an array of strings; its name is the first.
    for (const [, name = ''] of text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
      if (/^eval/i.test(name)) {
        this.counted += 1;
        socket.write('*2\r\n:1\r\n:60000\r\n');
      } else socket.write(/^info$/i.test(name) ? '$17\r\nredis_version:7.0\r\n' : '+OK\r\n');
    }
  }
}

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
