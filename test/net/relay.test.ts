import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { plainMail, plainUpstream, proxying, stopUpstreams } from '../support/proxying.ts';
import { LONG } from '../support/scale.ts';
import { stopServing } from '../support/serving.ts';
import { inParallel, underTls } from '../support/speak.ts';
import { tap } from '../support/tap.ts';
import { WireClient } from '../support/wire-client.ts';

const MIB = 1024 * 1024;

describe('src/net/relay', () => {
  const clients: WireClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await stopServing();
    stopUpstreams();
  });

  /** A client whose stream is the upstream's; the first word is `MAIL`, as that hands over. */
  async function relayed(client: WireClient): Promise<WireClient> {
    clients.push(client);
    await underTls(client, smtp);
    client.say('MAIL FROM:<>\r\n');
    await client.until('relayed');
    return client;
  }

  /** Greets, and says `relayed` to the first line; then the stream is the test's. */
  function relayedUpstream(use: (socket: Socket) => void) {
    return plainUpstream(socket => {
      socket.write('220 upstream.example.org ESMTP\r\n');
      socket.once('data', () => {
        socket.write('relayed');
        use(socket);
      });
    });
  }

  it('carries both ways at once, with pauses at both ends, in bounded memory', async function () {
    this.timeout(LONG ? 600_000 : 60_000);
    const size = (LONG ? 1024 : 16) * MIB;
    const upstream = await relayedUpstream(() => undefined);
    const { connect } = await proxying(smtp, upstream.port);
    const client = await relayed(await connect());
    const far = await upstream.socket(0);
    client.socket.removeAllListeners('data');
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 50);
    const [received, sent, farReceived, farSent] = await Promise.all(
      [client.socket, far].flatMap(socket => [checksum(socket), feed(socket, size)]),
    );
    clearInterval(watch);
    expect(received).to.equal(farSent);
    expect(farReceived).to.equal(sent);
    // Both ends and the proxy are in this process.
    if (LONG) expect((peak - before) / MIB).to.be.lessThan(3 * 32);
  });

  it('slows the client down to an upstream that does not read, and goes on when it does', async () => {
    const upstream = await relayedUpstream(socket => socket.pause());
    const { connect } = await proxying(smtp, upstream.port);
    const client = await relayed(await connect());
    let sent = 0;
    while (client.socket.write(Buffer.alloc(65_536)) || sent < 8 * MIB) {
      sent += 65_536;
      if (client.socket.writableLength > 4 * MIB) break;
      await new Promise(setImmediate);
    }
    expect(client.socket.writableNeedDrain).to.equal(true);
    const total = sent + 65_536;
    const socket = await upstream.socket(0);
    let heard = 0;
    socket.on('data', data => {
      heard += data.length;
    });
    socket.resume();
    while (heard < total) await once(socket, 'data');
    expect(heard).to.equal(total);
  });

  it('keeps the way to the upstream open when that has ended, and the other way round', async () => {
    const heard: string[] = [];
    const upstream = await relayedUpstream(socket => {
      socket.on('data', data => heard.push(data.toString('latin1')));
      socket.end('the last word');
    });
    const { connect, over } = await proxying(smtp, upstream.port);
    const client = await relayed(await connect());
    client.socket.allowHalfOpen = true;
    await client.until('the last word');
    await client.end();
    client.say('and another');
    client.socket.end();
    await once(await upstream.socket(0), 'end');
    expect((await over(1))[0]?.error).to.equal(undefined);
    expect(heard.join('')).to.equal('and another');
  });

  it('says close_notify when the upstream has ended in order', async () => {
    const upstream = await relayedUpstream(socket => socket.end('250 a reply\r\n'));
    const { port } = await proxying(smtp, upstream.port);
    const tapped = await tap(port);
    const client = await relayed(await WireClient.connect(tapped.port));
    await client.until('250 a reply\r\n');
    await client.end();
    expect(tapped.end()).to.equal('close_notify');
  });

  it('passes the end of the client on, and still brings the answer', async () => {
    const upstream = await relayedUpstream(socket => {
      let count = 0;
      socket.on('data', data => {
        count += data.length;
      });
      socket.on('end', () => socket.end(`${count} bytes`));
    });
    const { connect } = await proxying(smtp, upstream.port);
    const client = await relayed(await connect());
    client.socket.end('x'.repeat(100_000));
    await client.until('100000 bytes');
    await client.end();
  });

  it('brings the upstream all that a client said who leaves at once', async () => {
    const size = 4 * MIB;
    let count = 0;
    const upstream = await relayedUpstream(socket =>
      socket
        .on('data', data => {
          count += data.length;
          socket.pause();
          setTimeout(() => socket.resume(), 2);
        })
        .on('end', () => socket.end()),
    );
    const { connect, over } = await proxying(smtp, upstream.port);
    const client = await relayed(await connect());
    client.socket.end(Buffer.alloc(size));
    while (!client.socket.writableFinished) await sleep(1);
    client.destroy();
    expect(count).to.be.lessThan(size);
    await once(await upstream.socket(0), 'end');
    expect(count).to.equal(size);
    await over(1);
  });

  for (const policy of ['required', 'optional'] as const) {
    it(`breaks off without a word when the upstream does, so that it shows: ${policy}`, async () => {
      const upstream = await relayedUpstream(socket => {
        socket.write('250 half a repl');
        setTimeout(() => socket.resetAndDestroy(), 50);
      });
      const { port, over } = await proxying(smtp, upstream.port, { tls: policy });
      const tapped = await tap(port);
      const client = await WireClient.connect(tapped.port);
      clients.push(client);
      if (policy === 'required') await relayed(client);
      else {
        await client.until('ready\r\n');
        client.say('MAIL FROM:<>\r\n');
        await client.until('relayed');
      }
      await client.end();
      expect(client.rest).to.equal('250 half a repl');
      expect(tapped.end()).to.equal(policy === 'required' ? 'without close_notify' : 'reset');
      const [end] = await over(1);
      expect(end?.error?.code).to.equal('ERR_UPSTREAM_CLOSED');
      expect(end?.upstream?.name).to.equal(`127.0.0.1:${upstream.port}`);
      expect(end?.upstream?.bytesIn).to.be.greaterThan('250 half a repl'.length);
    });
  }

  it('resets the upstream when the client is reset, so that it shows', async () => {
    const upstream = await relayedUpstream(() => undefined);
    const { connect } = await proxying(smtp, upstream.port);
    const client = await relayed(await connect());
    const socket = await upstream.socket(0);
    const reset = once(socket, 'error');
    client.reset();
    expect((await reset)[0]).to.have.property('code', 'ECONNRESET');
  });

  it('ends what is idle, without a word, and not what a byte goes through either way', async () => {
    const upstream = await relayedUpstream(socket => {
      const timer = setInterval(() => socket.write('.'), 50);
      setTimeout(() => clearInterval(timer), 1000);
    });
    const { connect, over } = await proxying(smtp, upstream.port, { idleTimeout: 500 });
    const client = await relayed(await connect());
    const begun = performance.now();
    await client.end();
    expect(performance.now() - begun).to.be.greaterThan(1000);
    expect(client.rest).to.match(/^\.{5,}$/);
    expect((await over(1))[0]?.error?.code).to.equal('ERR_IDLE_TIMEOUT');
  });

  it('spreads the clients of an upstream that is gone over time', async () => {
    const upstream = await plainUpstream(plainMail);
    const { connect, over } = await proxying(smtp, upstream.port, { maxPerAddress: 0 });
    const clients = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const client = await underTls(await connect(), smtp);
        client.say('MAIL FROM:<>\r\n');
        await client.until('upstream heard');
        return client;
      }),
    );
    const begun = performance.now();
    for (const socket of upstream.sockets) socket.resetAndDestroy();
    const ends = await Promise.all(
      clients.map(async client => {
        await client.end();
        return performance.now() - begun;
      }),
    );
    // 200 in a second: the last of 40 waits for 195 ms, and a busy machine makes all of them later.
    expect(Math.max(...ends)).to.be.within(180, 10_000);
    expect(Math.max(...ends) - Math.min(...ends)).to.be.greaterThan(50);
    await over(40);
  });

  it(`leaves no connection behind: ${LONG ? 10_000 : 200} sessions`, async function () {
    this.timeout(LONG ? 600_000 : 20_000);
    const upstream = await plainUpstream(plainMail);
    const { connect, over, server } = await proxying(smtp, upstream.port, { maxPerAddress: 0 });
    const count = LONG ? 10_000 : 200;
    await inParallel(count, 20, async index => {
      const client = await underTls(await connect(), smtp);
      client.say('MAIL FROM:<>\r\n');
      await client.until('upstream heard');
      if (index % 3 === 0) client.reset();
      else if (index % 3 === 1) client.destroy();
      else {
        client.say('QUIT\r\n');
        await client.until('221 upstream bye\r\n');
        await client.end();
        client.destroy();
      }
    });
    await over(count);
    expect(server.connections).to.equal(0);
    expect(upstream.sockets.length).to.equal(count);
    await Promise.all(
      upstream.sockets.map(socket => socket.destroyed || once(socket, 'close').then(() => undefined)),
    );
  });
});

async function checksum(socket: Socket): Promise<string> {
  const hash = createHash('sha1');
  let until = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk);
    until += chunk.length;
    if (until < MIB) continue;
    until = 0;
    if (Math.random() < 0.2) await sleep(Math.random() * 10);
  }
  return hash.digest('hex');
}

/** Sends random bytes in pieces of random size, with pauses, and ends the stream; the checksum of it all. */
async function feed(socket: Socket, size: number): Promise<string> {
  const hash = createHash('sha1');
  const noise = Buffer.from(Array.from({ length: 65_536 }, () => Math.floor(Math.random() * 256)));
  for (let left = size; left > 0; ) {
    const at = Math.floor(Math.random() * 32_768);
    const piece = noise.subarray(at, at + Math.min(left, 1 + Math.floor(Math.random() * 32_768)));
    left -= piece.length;
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
    if (Math.random() < 0.01) await sleep(Math.random() * 10);
  }
  socket.end();
  return hash.digest('hex');
}
