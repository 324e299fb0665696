import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { SallyportError } from '../../src/errors.ts';
import { ProxyNetworks } from '../../src/net/proxy-preamble.ts';
import { proxyBlock, proxyLine } from '../../src/wire/proxy-header.ts';
import { serving, stopServing } from '../support/serving.ts';

const SOURCE = { address: '192.0.2.7', port: 4321 };
const DESTINATION = { address: '198.51.100.2', port: 25 };
const HEADERS = {
  'version 1': Buffer.from(proxyLine(SOURCE, DESTINATION)),
  'version 2': Buffer.from(proxyBlock(SOURCE, DESTINATION, [])),
};
const proxyFrom = ['127.0.0.0/8'];

describe('src/net/proxy-preamble', () => {
  afterEach(stopServing);

  for (const [version, header] of Object.entries(HEADERS)) {
    for (const tls of ['required', 'auto', 'implicit'] as const) {
      it(`takes the address of a header of ${version} for the client's, with what is behind it: ${tls}`, async () => {
        const { connect, over } = await serving(smtp, { proxyFrom, tls });
        const client = await connect();
        if (tls === 'implicit') {
          client.say(header);
          await client.startTls();
          client.say('QUIT\r\n');
        } else client.say(Buffer.concat([header, Buffer.from('QUIT\r\n')]));
        await client.until(/221 .*\r\n/);
        await client.end();
        client.destroy();
        const [end] = await over(1);
        expect(end?.error).to.equal(undefined);
        expect(end?.remote).to.deep.equal(SOURCE);
      });
    }

    it(`takes a header of ${version} that comes byte by byte`, async () => {
      const { connect } = await serving(smtp, { proxyFrom });
      const client = await connect();
      for (const byte of header) {
        client.say(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      await client.until(/^220 .*\r\n/);
    });
  }

  it('counts the clients of one proxy by their own addresses', async () => {
    const { connect, over } = await serving(smtp, { proxyFrom, maxPerAddress: 1 });
    const from = async (address: string) => {
      const client = await connect();
      client.say(proxyLine({ address, port: 1 }, DESTINATION));
      return client;
    };
    await (await from('192.0.2.1')).until(/^220 /);
    await (await from('192.0.2.2')).until(/^220 /);
    await (await from('192.0.2.1')).until(/^421 .* Too many connections from your address/);
    expect((await over(1))[0]?.error?.code).to.equal('ERR_TOO_MANY_FROM_ADDRESS');
  });

  it('takes a connection without endpoints for what it is', async () => {
    const { connect, over } = await serving(smtp, { proxyFrom });
    const client = await connect();
    client.say('PROXY UNKNOWN\r\nQUIT\r\n');
    await client.until('221 ');
    await client.end();
    client.destroy();
    expect((await over(1))[0]?.remote.address).to.equal('127.0.0.1');
  });

  for (const [what, words, code] of [
    ['is none', 'EHLO a\r\n', 'ERR_PROXY_HEADER'],
    ['is malformed', 'PROXY TCP4 1 2 3 4\r\n', 'ERR_PROXY_HEADER'],
    ['is not all there in time', 'PROXY TCP4 192.0.2.1', 'ERR_PROXY_HEADER'],
    ['does not come', '', 'ERR_PROXY_HEADER'],
  ] as const) {
    it(`closes without a word when the header ${what}`, async () => {
      const { connect, over } = await serving(smtp, { proxyFrom, proxyTimeout: 200 });
      const client = await connect();
      if (words !== '') client.say(words);
      await client.end(1000);
      expect(client.heard).to.equal('');
      expect((await over(1))[0]?.error?.code).to.equal(code);
    });
  }

  it('logs no more than a closed connection when a health check looks in', async () => {
    const { connect, over } = await serving(smtp, { proxyFrom });
    (await connect()).destroy();
    expect((await over(1))[0]?.error?.code).to.equal('ERR_PEER_CLOSED');
  });

  for (const [version, header] of Object.entries(HEADERS)) {
    it(`takes a header of ${version} from anybody else for a bad command`, async () => {
      const { connect, over } = await serving(smtp, { proxyFrom: ['192.0.2.0/24'] });
      const client = await connect();
      await client.until(/^220 .*\r\n/);
      client.say(header);
      await client.until(/^5\d\d .*\r\n/);
      client.destroy();
      expect((await over(1))[0]?.remote.address).to.equal('127.0.0.1');
    });
  }

  it('leaves nothing of those that wait for their header when the server closes', async () => {
    const { connect, server } = await serving(smtp, { proxyFrom });
    const client = await connect();
    await new Promise(resolve => setTimeout(resolve, 20));
    await server.close({ within: 50 });
    await client.end();
  });

  it('knows networks of both families, and refuses what is none', () => {
    const networks = new ProxyNetworks(['192.0.2.0/24', '2001:db8::/32', '198.51.100.1']);
    const has = (remoteAddress: string | undefined) => networks.has({ remoteAddress } as never); // all that is looked at
    expect(['192.0.2.200', '::ffff:192.0.2.1', '2001:db8:1::1', '198.51.100.1'].filter(has).length).to.equal(
      4,
    );
    expect(['192.0.3.1', '2001:db9::1', '198.51.100.2', undefined].filter(has)).to.deep.equal([]);
    expect(new ProxyNetworks(['unix:']).has({ remoteAddress: undefined } as never)).to.equal(true);
    for (const bad of [
      '',
      '192.0.2.0/33',
      '2001:db8::/129',
      '192.0.2/24',
      'localhost',
      '1.2.3.4/x',
      '1.2.3.4/8/8',
    ]) {
      expect(() => new ProxyNetworks([bad]), bad)
        .to.throw(SallyportError)
        .with.property('code', 'ERR_OPTION');
    }
  });
});
