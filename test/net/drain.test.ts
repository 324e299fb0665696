import { once } from 'node:events';
import * as net from 'node:net';
import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { scaled } from '../support/scale.ts';
import { serving, stopServing } from '../support/serving.ts';
import { inParallel, underTls } from '../support/speak.ts';
import type { WireClient } from '../support/wire-client.ts';

describe('src/server: a drain', () => {
  afterEach(stopServing);

  const count = scaled(1000);
  it(`lets ${count} sessions that are at work end, each with its reply, and takes no new one`, async function () {
    this.timeout(60_000);
    let finish = () => {};
    const finished = new Promise<void>(resolve => {
      finish = resolve;
    });
    let asked = 0;
    const { server, port, connect, over } = await serving(smtp, { maxPerAddress: 0 }, async session => {
      for await (const line of session.lines()) {
        asked += 1;
        await finished;
        await session.writeLine(`done ${line}`);
        return;
      }
    });
    const clients: WireClient[] = [];
    await inParallel(count, 16, async index => {
      clients.push((await underTls(await connect(), smtp)).say(`${index}\r\n`));
    });
    while (asked < count) await new Promise(resolve => setTimeout(resolve, 10));
    const closed = server.close({ within: 30_000 });
    const [refused] = await once(net.connect({ port, host: '127.0.0.1' }), 'error');
    expect(refused).to.have.property('code', 'ECONNREFUSED');
    finish();
    await Promise.all(clients.map(client => client.until(/^done \d+\r\n$/)));
    await Promise.all(clients.map(client => client.end()));
    await closed;
    const ends = await over(count);
    expect(ends.filter(({ error }) => error !== undefined)).to.deep.equal([]);
  });
});
