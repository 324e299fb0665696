import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { Operation } from '../../src/run/operation.ts';
import { configurationFolder } from '../support/configuration-files.ts';
import { type Family, readExposition, sumOf } from '../support/exposition.ts';
import { removeFolders } from '../support/folder.ts';
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
    await operation.admin.close();
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
});

async function refused(where: AddressInfo | undefined): Promise<unknown> {
  const error = await fetch(`http://127.0.0.1:${where?.port}/healthz`).catch(error => error.cause);
  return error instanceof Error && 'code' in error ? error.code : error;
}
