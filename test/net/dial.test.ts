import { once } from 'node:events';
import * as net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { SallyportError } from '../../src/errors.ts';
import { type DialTarget, dial, targetName } from '../../src/net/dial.ts';
import { folderWith, removeFolders } from '../support/folder.ts';

describe('src/net/dial', () => {
  const servers: net.Server[] = [];

  after(removeFolders);
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function listening(address: net.ListenOptions): Promise<net.AddressInfo> {
    const server = net.createServer(socket => socket.end('hello\r\n'));
    servers.push(server);
    await once(server.listen(address), 'listening');
    return server.address() as net.AddressInfo; // of a listening server
  }

  async function heardFrom(target: DialTarget): Promise<string> {
    const socket = await dial(target, { timeout: 5000 });
    let heard = '';
    for await (const data of socket) heard += data;
    socket.destroy();
    return heard;
  }

  async function failureOf(target: DialTarget, timeout = 5000): Promise<SallyportError> {
    const error = await dial(target, { timeout }).catch((reason: unknown) => reason);
    if (!(error instanceof SallyportError)) throw new Error('it connected');
    return error;
  }

  it('connects to a port of an address, of either family', async () => {
    const v4 = await listening({ host: '127.0.0.1', port: 0 });
    expect(await heardFrom({ host: '127.0.0.1', port: v4.port })).to.equal('hello\r\n');
    const v6 = await listening({ host: '::1', port: 0 });
    expect(await heardFrom({ host: '::1', port: v6.port })).to.equal('hello\r\n');
  });

  it('tries every address of a name', async () => {
    const { port } = await listening({ host: '127.0.0.1', port: 0 });
    expect(await heardFrom({ host: 'localhost', port })).to.equal('hello\r\n');
  });

  it('connects to a Unix socket', async () => {
    const path = join(await folderWith({}), 'socket');
    await listening({ path });
    expect(await heardFrom({ path })).to.equal('hello\r\n');
  });

  it('keeps our half open when the other end has finished', async () => {
    const { port } = await listening({ host: '127.0.0.1', port: 0 });
    const socket = await dial({ host: '127.0.0.1', port }, { timeout: 5000 });
    socket.resume();
    await once(socket, 'end');
    expect(socket.writable).to.equal(true);
    socket.destroy();
  });

  it('names the target and what the system says where nobody listens', async () => {
    const { port } = await listening({ host: '127.0.0.1', port: 0 });
    await new Promise(resolve => servers.splice(0)[0]?.close(resolve));
    const { code, message } = await failureOf({ host: '127.0.0.1', port });
    expect([code, message]).to.deep.equal(['ERR_CONNECT', `Cannot connect: 127.0.0.1:${port}: ECONNREFUSED`]);
    expect((await failureOf({ path: '/nowhere/socket' })).message).to.equal(
      'Cannot connect: /nowhere/socket: ENOENT',
    );
  });

  it('names a name that does not exist', async () => {
    const { code, message } = await failureOf({ host: 'no-such-name.invalid', port: 25 });
    expect(code).to.equal('ERR_CONNECT');
    expect(message).to.match(/^Cannot connect: no-such-name\.invalid:25: (ENOTFOUND|EAI_AGAIN)$/);
  });

  it('gives up in time where nothing answers', async () => {
    const { port } = await listening({ host: '127.0.0.1', port: 0, backlog: 1 });
    const begun = performance.now();
    // 240.0.0.0/4 is reserved: it is either unreachable at once, or swallows everything.
    const { code } = await failureOf({ host: '240.0.0.1', port }, 200);
    expect(code).to.match(/^ERR_CONNECT(_TIMEOUT)?$/);
    expect(performance.now() - begun).to.be.below(1000);
  });

  it('puts the address of an IPv6 target in brackets', () => {
    expect(targetName({ host: '::1', port: 25 })).to.equal('[::1]:25');
    expect(targetName({ host: 'mail.example.org', port: 25 })).to.equal('mail.example.org:25');
  });
});
