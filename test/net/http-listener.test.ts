import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import { HttpListener } from '../../src/net/http-listener.ts';

describe('src/net/http-listener', () => {
  it('closes who never ends a request, with others answered meanwhile', async () => {
    const listener = new HttpListener(() => ({ status: 200, headers: {}, body: 'here' }), fail, {
      headersTimeout: 200,
    });
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
    const slow = connect(port, '127.0.0.1', () => slow.write('GET / HTTP/1.1\r\nHost: loc'));
    const heard: string[] = [];
    slow.on('data', data => heard.push(String(data)));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).to.equal('here');
    await once(slow, 'close');
    expect(heard.join('')).to.match(/^HTTP\/1\.1 408 /);
    await listener.close();
  });

  it('takes no more than 64 connections, and is closed with them open', async () => {
    const listener = new HttpListener(() => ({ status: 200, headers: {}, body: '' }), fail);
    const { port } = (await listener.listen({ host: '127.0.0.1', port: 0 })) as AddressInfo; // of TCP
    const open = new Set(Array.from({ length: 66 }, () => connect(port, '127.0.0.1')));
    const closed = [...open].map(async socket => {
      await new Promise(resolve => socket.on('error', () => undefined).on('close', resolve));
      open.delete(socket);
    });
    while (open.size > 64) await new Promise(setImmediate);
    const [first] = open;
    first?.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(String((first && (await once(first, 'data')))?.[0])).to.match(/^HTTP\/1\.1 200 /);
    expect(open.size).to.equal(64);
    await listener.close();
    await Promise.all(closed);
  });
});

function fail(error: unknown): void {
  throw error;
}
