import { once } from 'node:events';
import * as net from 'node:net';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { SallyportError } from '../../src/errors.ts';
import { testCertificates } from '../support/certificates.ts';
import { LONG } from '../support/scale.ts';
import { type Serving, serving, stopServing } from '../support/serving.ts';
import { atGoAhead, greeted, underTls } from '../support/speak.ts';
import { Stage } from '../support/stage.ts';
import { atUpgrade } from '../support/twin.ts';
import type { WireClient } from '../support/wire-client.ts';

describe('src/net/listener', () => {
  afterEach(stopServing);

  describe('limits', () => {
    for (const [option, code, words] of [
      ['maxConnections', 'ERR_TOO_MANY_CONNECTIONS', 'Too many connections'],
      ['maxPerAddress', 'ERR_TOO_MANY_FROM_ADDRESS', 'Too many connections from your address'],
    ] as const) {
      it(`turns away, with a farewell, who is above ${option}, until there is room`, async () => {
        const { connect, over } = await serving(smtp, { [option]: 2 });
        const [first] = [await connect(), await connect()];
        await first.until('ready\r\n');
        const third = await connect();
        await third.end();
        expect(third.heard).to.equal(`421 4.7.0 mail.example.org ${words}\r\n`);
        third.destroy();
        expect((await over(1))[0]?.error?.code).to.equal(code);
        first.destroy();
        await over(2);
        await (await connect()).until('ready\r\n');
      });
    }

    it('says nothing in plaintext to those it turns away where TLS comes first', async () => {
      const { connect, over } = await serving(smtp, { maxConnections: 1, tls: 'implicit' });
      await connect();
      const second = await connect();
      await second.end();
      expect(second.heard).to.equal('');
      second.destroy();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_TOO_MANY_CONNECTIONS');
    });

    it('drops, and counts, what floods in beyond those that can be told', async () => {
      const { connect, server } = await serving(smtp, { maxConnections: 1 });
      let drops = 0;
      server.on('drop', () => {
        drops += 1;
      });
      await (await connect()).until('ready\r\n');
      const clients = await Promise.all(Array.from({ length: 60 }, () => connect()));
      await Promise.all(clients.map(client => client.end()));
      expect(drops).to.be.greaterThan(0);
      expect(server.connections).to.equal(1);
    });

    it('counts none with a limit of 0', async () => {
      const { connect } = await serving(smtp, { maxConnections: 0, maxPerAddress: 0 });
      const clients = await Promise.all(Array.from({ length: 150 }, () => connect()));
      await Promise.all(clients.map(client => client.until('ready\r\n')));
    });
  });

  describe('listening', () => {
    it('reports an address in use, and the process goes on', async () => {
      const { port } = await serving(smtp);
      const other = await serving(smtp);
      await other.stop();
      const error = await other.server.listen({ port }).catch((reason: unknown) => reason);
      expect(error).to.be.an.instanceOf(SallyportError).with.property('code', 'ERR_LISTEN');
      expect(String(error)).to.contain(`127.0.0.1 port ${port}: EADDRINUSE`);
    });

    it('listens on IPv6', async function () {
      const certificate = (await testCertificates()).server;
      const { createServer } = await import('../../src/server.ts');
      const server = createServer({ protocol: smtp, certificate });
      const address = await server.listen({ host: '::1', port: 0 }).catch(() => undefined);
      if (address === undefined) return this.skip();
      const socket = net.connect({ host: '::1', port: address.port });
      const [greeting] = await once(socket, 'data');
      expect(String(greeting)).to.match(/^220 /);
      socket.destroy();
      await server.close();
    });
  });

  describe('closing', () => {
    for (const protocol of protocols) {
      it(`says the farewell of ${protocol.name} to those in the dialogue, in plaintext and under TLS`, async () => {
        const { connect, server, over } = await serving(protocol);
        const [before, under] = [new Stage(protocol).start(), atUpgrade(protocol).secure()].map(stage => {
          stage.heard();
          return stage.fail('ERR_SHUTTING_DOWN').heard();
        });
        // Nobody can guess a stream's id.
        const withoutId = (words = '') => words.replace(/ id='[^']*'/, '');
        const plain = await connect();
        const secure = await connect();
        await greeted(plain, protocol);
        const done = new Promise<void>(resolve => server.once('secure', () => resolve()));
        await underTls(secure, protocol);
        await done;
        const closed = server.close();
        await Promise.all([plain.end(), secure.end()]);
        expect(withoutId(plain.rest)).to.equal(withoutId(before));
        expect(withoutId(secure.rest).endsWith(withoutId(under))).to.equal(true);
        plain.destroy();
        secure.destroy();
        await closed;
        for (const { error } of await over(2)) expect(error?.code).to.equal('ERR_SHUTTING_DOWN');
      });
    }

    it('lets a handshake end, then says the farewell under TLS', async () => {
      const { connect, server } = await serving(smtp);
      const client = await connect();
      await client.until('ready\r\n');
      client.say('STARTTLS\r\n');
      await client.until('220 2.0.0 Ready to start TLS\r\n');
      const closed = server.close();
      await client.startTls();
      await client.until('421 4.3.2 mail.example.org Shutting down\r\n');
      client.destroy();
      await closed;
    });

    it('tells an application, and lets it end', async () => {
      const { connect, server } = await serving(smtp, {}, async session => {
        await session.writeLine('ready for work');
        await new Promise(resolve => session.draining.addEventListener('abort', resolve));
        await session.writeLine('goodbye');
      });
      const client = await underTls(await connect(), smtp);
      await client.until('ready for work\r\n');
      const closed = server.close();
      await client.until('goodbye\r\n');
      await client.end();
      client.destroy();
      await closed;
    });

    it('destroys at its deadline what has not ended by itself', async () => {
      const { connect, server, over } = await serving(smtp, {}, () => new Promise(() => {}));
      const client = await underTls(await connect(), smtp);
      const begun = performance.now();
      await server.close({ within: 300 });
      expect(performance.now() - begun).to.be.within(250, 800);
      await client.end();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_SHUTTING_DOWN');
    });

    it('accepts no more', async () => {
      const { connect, server, port } = await serving(smtp, {}, () => new Promise(() => {}));
      await underTls(await connect(), smtp);
      const closed = server.close({ within: 300 });
      const late = net.connect({ port, host: '127.0.0.1' });
      const [error] = await once(late, 'error');
      expect(error).to.have.property('code', 'ECONNREFUSED');
      await closed;
    });
  });

  describe('leaks', () => {
    const count = LONG ? 1000 : 50;
    const points: ((client: WireClient, protocol: Protocol) => Promise<unknown>)[] = [
      (client, protocol) => greeted(client, protocol),
      (client, protocol) => atGoAhead(client, protocol),
      async (client, protocol) => (await atGoAhead(client, protocol)).say('\x16\x03\x01\x02\x00\x01'),
    ];
    for (const protocol of protocols) {
      it(`leaves nothing of ${count} clients that stop at each point of ${protocol.name}`, async function () {
        this.timeout(120_000);
        const service = await serving(protocol, { maxPerAddress: 0 });
        await service.connect().then(client => client.destroy());
        await service.over(1);
        const before = resources();
        let ended = 1;
        for (const stop of points) {
          for (const leave of ['finish', 'reset'] as const) {
            await crowd(service, count, leave, client => stop(client, protocol));
            ended += count;
            await service.over(ended);
          }
        }
        expect(service.server.connections).to.equal(0);
        expect(await settled(before)).to.deep.equal(before);
      });
    }
  });
});

async function crowd(
  { connect }: Serving,
  count: number,
  leave: 'finish' | 'reset',
  act: (client: WireClient) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await connect();
      await act(client);
      if (leave === 'reset') client.reset();
      else {
        client.socket.end();
        await client.end();
        client.destroy();
      }
    }),
  );
}

/** Sockets and timers that keep the process alive, by kind. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return { sockets: counts['TCPSocketWrap'] ?? 0, timers: counts['Timeout'] ?? 0 };
}

/** The resources once they are as before, or after a second what they are then. */
async function settled(before: Record<string, number>): Promise<Record<string, number>> {
  for (let tries = 0; tries < 50; tries++) {
    const now = resources();
    if (Object.entries(before).every(([kind, value]) => (now[kind] ?? 0) <= value)) return before;
    await new Promise(resolve => setImmediate(() => setTimeout(resolve, 20)));
  }
  return resources();
}
