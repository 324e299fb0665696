import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { Operation } from '../../src/run/operation.ts';
import { configurationFolder } from '../support/configuration-files.ts';
import { type Family, readExposition, sumOf } from '../support/exposition.ts';
import { removeFolders } from '../support/folder.ts';
import { LittleRedis } from '../support/little-redis.ts';
import { configurationOf, KeptLog, portOf } from '../support/services.ts';
import { WireClient } from '../support/wire-client.ts';

const TOKEN = 'correct-horse-battery-staple';
const ADMIN = "admin: { address: '127.0.0.1:0' }";

describe('src/run/operation', () => {
  let folder: string;
  let log: KeptLog;
  let operation: Operation;
  const clients: WireClient[] = [];

  before(async () => {
    folder = await configurationFolder();
    await writeFile(join(folder, 'no-module.mjs'), 'throw new Error("no good");');
  });
  beforeEach(() => {
    log = new KeptLog();
    operation = new Operation({ log });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await operation.drain(0);
    await operation.close();
  });
  after(removeFolders);

  const read = (listener: string, ...more: readonly string[]) =>
    configurationOf(
      folder,
      ['certificates: [{ cert: mail.pem, key: mail.key }]', `listeners: [${listener}]`, ...more].join('\n'),
    );
  const line = (address = "'127.0.0.1:0'", more = '') => `{ protocol: line, address: ${address}${more} }`;

  async function greeted(port: number): Promise<WireClient> {
    const client = await WireClient.connect(port);
    clients.push(client);
    await client.until(/\r\n/);
    return client;
  }

  function ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const { address, port } = operation.admin.address as AddressInfo; // it listens
    return fetch(`http://${address}:${port}${path}`, { headers });
  }

  async function metrics(): Promise<ReadonlyMap<string, Family>> {
    return readExposition(await (await ask('/metrics')).text());
  }

  async function listenersTold(): Promise<readonly (string | undefined)[]> {
    const { samples = [] } = (await metrics()).get('sallyport_listener_info') ?? {};
    return samples.map(({ labels }) => `${labels['listener']} ${labels['role']} ${labels['tls']}`);
  }

  describe('the admin', () => {
    it('tells of every listener, and whether the service is ready', async () => {
      await operation.start(await read(line("['127.0.0.1:0', '[::1]:0']"), ADMIN));
      const [one, two] = [portOf(operation.service), portOf(operation.service, 1)];
      expect(await listenersTold()).to.deep.equal([
        `line:${one} server required`,
        `line:${two} server required`,
      ]);
      await greeted(one);
      expect(sumOf(await metrics(), 'sallyport_connections_total', { listener: `line:${one}` })).to.equal(1);
      expect((await ask('/readyz')).status).to.equal(200);
      expect(log.with('admin listening')).to.have.length(1);
      const drained = operation.drain(60_000);
      expect([(await ask('/readyz')).status, (await ask('/healthz')).status]).to.deep.equal([503, 200]);
      await drained;
    });

    it('is not there where nobody asks for it', async () => {
      await operation.start(await read(line()));
      expect(operation.admin.address).to.equal(undefined);
    });

    it('keeps its place, its connections and its figures at a reload, and follows the listeners', async () => {
      await operation.start(await read(line(), ADMIN));
      const [port, told] = [portOf(operation.service), operation.admin.address];
      await greeted(port);
      await operation.reload(await read(line("['127.0.0.1:0', '[::1]:0']", ', tls: optional'), ADMIN));
      expect(operation.admin.address).to.deep.equal(told);
      const second = portOf(operation.service, 1);
      expect(await listenersTold()).to.have.members([
        `line:${port} server optional`,
        `line:${second} server optional`,
      ]);
      expect(sumOf(await metrics(), 'sallyport_connections_total')).to.equal(1);
      const gone = new Promise(resolve => operation.service.once('gone', resolve));
      await operation.reload(await read(line("'[::1]:0'"), ADMIN));
      clients[0]?.destroy();
      await gone;
      expect(await listenersTold()).to.deep.equal([`line:${second} server required`]);
      expect(log.with('admin listening')).to.have.length(1);
    });

    it('begins anew with a listener that speaks another protocol', async () => {
      await operation.start(await read(line(), ADMIN));
      const port = portOf(operation.service);
      await greeted(port);
      await operation.reload(await read("{ protocol: smtp, address: '127.0.0.1:0' }", ADMIN));
      expect(await listenersTold()).to.deep.equal([`smtp:${port} server required`]);
      expect(sumOf(await metrics(), 'sallyport_connections_total')).to.equal(0);
    });

    it('comes at a reload, moves, and goes', async () => {
      const path = join(folder, 'admin.sock');
      await operation.start(await read(line()));
      const port = portOf(operation.service);
      await operation.reload(await read(line(), ADMIN));
      expect(await listenersTold()).to.deep.equal([`line:${port} server required`]);
      await greeted(port);
      const before = operation.admin.address;
      await operation.reload(await read(line(), "admin: { address: 'localhost:0' }"));
      expect(operation.admin.address?.port).to.not.equal(before?.port);
      expect(sumOf(await metrics(), 'sallyport_connections_total')).to.equal(1);
      expect(await refused(before)).to.equal('ECONNREFUSED');
      await operation.reload(await read(line(), `admin: { address: 'unix:${path}' }`));
      expect(existsSync(path)).to.equal(true);
      await operation.reload(await read(line()));
      expect([operation.admin.address, existsSync(path)]).to.deep.equal([undefined, false]);
      expect(log.with('admin listens no more')).to.have.length(3);
    });

    it('asks for another token from a reload on, at the same place', async () => {
      const withToken = (token: string) =>
        read(line(), `admin: { address: '127.0.0.1:0', token: "${token}" }`);
      await operation.start(await withToken(TOKEN));
      const [port] = [operation.admin.address?.port];
      const asked = async (token: string) =>
        (await ask('/metrics', { authorization: `Bearer ${token}` })).status;
      expect([await asked(TOKEN), await asked('another-token-of-mine')]).to.deep.equal([200, 401]);
      await operation.reload(await withToken('another-token-of-mine'));
      expect([await asked(TOKEN), await asked('another-token-of-mine')]).to.deep.equal([401, 200]);
      expect(operation.admin.address?.port).to.equal(port);
    });

    it('changes nothing where it cannot listen, nor where something else cannot be put in force', async () => {
      await operation.start(await read(line(), ADMIN));
      const [port, told] = [portOf(operation.service), operation.admin.address];
      const taken = await read(
        line("'127.0.0.1:0'", ', tls: optional'),
        `admin: { address: '127.0.0.1:${port}' }`,
      );
      expect(await operation.reload(taken).catch(error => error)).to.include({ code: 'ERR_LISTEN' });
      expect(await listenersTold()).to.deep.equal([`line:${port} server required`]);
      const path = join(folder, 'never.sock');
      const broken = await read(
        line("'127.0.0.1:0'", ', app: no-module.mjs'),
        `admin: { address: 'unix:${path}' }`,
      );
      const error = await operation.reload(broken).catch(error => error);
      expect(error).to.include({ code: 'ERR_APPLICATION_MODULE' });
      expect([operation.admin.address, existsSync(path)]).to.deep.equal([told, false]);
    });

    it('keeps the service from starting where it cannot listen', async () => {
      const path = join(folder, 'mail.key');
      const error = await operation
        .start(await read(line(), `admin: { address: 'unix:${path}' }`))
        .catch(error => error);
      expect(error).to.include({ code: 'ERR_LISTEN' });
      expect([operation.service.ready, operation.service.servers.length]).to.deep.equal([false, 0]);
    });
  });

  describe('limits over time', () => {
    const limits = (more: string) => `limits: { connections-per-minute: 2${more} }`;

    it('hold over all listeners, and go on counting over a reload', async () => {
      await operation.start(await read(line("['127.0.0.1:0', '127.0.0.1:0']"), limits('')));
      await greeted(portOf(operation.service));
      await operation.reload(await read(line("['127.0.0.1:0', '127.0.0.1:0']"), limits(''), ADMIN));
      expect((await greeted(portOf(operation.service, 1))).heard).to.not.match(TOO_MANY);
      expect((await greeted(portOf(operation.service))).heard).to.match(TOO_MANY);
      await operation.reload(
        await read(line("['127.0.0.1:0', '127.0.0.1:0']"), limits(', trusted: [127.0.0.1]')),
      );
      expect((await greeted(portOf(operation.service))).heard).to.not.match(TOO_MANY);
    });

    it('are counted in a Redis from a reload on, and here again without one', async () => {
      const redis = await LittleRedis.start();
      try {
        await operation.start(await read(line(), limits('')));
        await greeted(portOf(operation.service));
        expect(redis.counted).to.equal(0);
        await operation.reload(await read(line(), limits(`, redis: 'redis://127.0.0.1:${redis.port}'`)));
        for (const count of [1, 2]) {
          await greeted(portOf(operation.service));
          expect(redis.counted).to.equal(count);
        }
        await operation.reload(await read(line(), limits('')));
        expect((await greeted(portOf(operation.service))).heard).to.not.match(TOO_MANY);
        expect(redis.counted).to.equal(2);
      } finally {
        await redis.stop();
      }
    });
  });

  describe('limits of a listener', () => {
    const two = (connections: number) => `
  - { protocol: line, address: ['127.0.0.1:0', '[::1]:0'], limits: { connections: ${connections} } }
  - { protocol: smtp, address: '127.0.0.1:0' }
`;
    const all = (list: string, ...more: readonly string[]) =>
      configurationOf(
        folder,
        ['certificates: [{ cert: mail.pem, key: mail.key }]', `listeners:${list}`, ...more].join('\n'),
      );

    it('hold over its addresses, beside those for all', async () => {
      await operation.start(await all(two(1), 'limits: { connections: 2 }'));
      const [one, , other] = [0, 1, 2].map(index => portOf(operation.service, index));
      expect((await greeted(one ?? 0)).heard).to.not.match(TOO_MANY);
      expect((await greeted(one ?? 0)).heard).to.match(TOO_MANY);
      expect((await greeted(other ?? 0)).heard).to.match(/^220 /);
      expect((await greeted(other ?? 0)).heard).to.match(/^421 /);
    });

    it('change at a reload, and count who has been there before', async () => {
      await operation.start(await all(two(1)));
      const port = portOf(operation.service);
      await greeted(port);
      expect(await operation.reload(await all(two(2)))).to.deep.include({ changed: 2, kept: 1 });
      expect((await greeted(port)).heard).to.not.match(TOO_MANY);
      expect((await greeted(port)).heard).to.match(TOO_MANY);
      expect(await operation.reload(await all(two(2)))).to.deep.include({ changed: 0, kept: 3 });
      await operation.reload(await all(two(2).replace(/, limits: \{.*?\}/, '')));
      expect((await greeted(port)).heard).to.not.match(TOO_MANY);
    });

    it('count for it alone over time, with the same listener on other machines', async () => {
      const redis = await LittleRedis.start();
      const limits = ', limits: { handshakes-per-minute: 7 }';
      await operation.start(
        await read(line("'127.0.0.1:0'", limits), `limits: { redis: 'redis://127.0.0.1:${redis.port}' }`),
      );
      try {
        (await greeted(portOf(operation.service))).say('STARTTLS\r\n');
        await clients.at(-1)?.until(/Begin TLS\r\n/);
        expect(redis.keys).to.deep.equal(['sallyport:handshakes:127.0.0.1:0:127.0.0.1']);
      } finally {
        await redis.stop();
      }
    });
  });
});

const TOO_MANY = /Too many/;

async function refused(where: AddressInfo | undefined): Promise<unknown> {
  const error = await fetch(`http://127.0.0.1:${where?.port}/healthz`).catch(error => error.cause);
  return error instanceof Error && 'code' in error ? error.code : error;
}
