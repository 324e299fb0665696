import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { protocols } from '../protocol/index.ts';
import { formOf } from './support/form.ts';
import { handedOver, taciturnUpstream, untilDialled } from './support/proxied-session.ts';
import { plainUpstream, proxying, stopUpstreams } from './support/proxying.ts';
import { LONG } from './support/scale.ts';
import { stopServing } from './support/serving.ts';
import { atGoAhead, greeted, inParallel } from './support/speak.ts';
import { type Tap, tap } from './support/tap.ts';
import { WireClient } from './support/wire-client.ts';

const CLIENTS = LONG ? 1000 : 50;

/** The begin of a ClientHello. */
const BEGUN = Buffer.from('1603010200010001fc0303', 'hex');

for (const protocol of protocols) {
  describe(`every proxy, over sockets: ${protocol.name}`, () => {
    const clients: WireClient[] = [];

    afterEach(async () => {
      for (const client of clients.splice(0)) client.destroy();
      await stopServing();
      stopUpstreams();
    });

    async function tapped(port: number): Promise<{ readonly client: WireClient; readonly line: Tap }> {
      const line = await tap(port);
      const client = await WireClient.connect(line.port);
      clients.push(client);
      return { client, line };
    }

    it(`dials nobody for ${CLIENTS} clients that never finish the handshake`, async () => {
      const upstream = await plainUpstream(() => undefined);
      const limits = { maxPerAddress: 0, maxConnections: 0 };
      const { connect, over } = await proxying(protocol, upstream.port, limits);
      await inParallel(CLIENTS, 25, async index => {
        const client = await connect();
        if (index % 4 === 0 && formOf(protocol).direct) client.say(BEGUN);
        else if (index % 4 <= 1) await greeted(client, protocol);
        else await atGoAhead(client, protocol);
        if (index % 4 === 3) client.say(BEGUN);
        client.destroy();
      });
      const ends = await over(CLIENTS);
      expect(upstream.sockets.length).to.equal(0);
      expect(ends.filter(end => end.upstream !== undefined)).to.deep.equal([]);
    }).timeout(LONG ? 120_000 : 20_000);

    it('tells a client in its own words that the upstream cannot be reached, and takes leave', async () => {
      const gone = await plainUpstream(() => undefined);
      gone.stop();
      const { port, over } = await proxying(protocol, gone.port);
      const { client, line } = await tapped(port);
      await untilDialled(client, protocol);
      await client.end();
      expect(client.rest).to.match(/Upstream cannot be reached|<remote-connection-failed /);
      client.destroy();
      const [end] = await over(1);
      expect(end?.error?.code).to.equal('ERR_UPSTREAM_UNREACHABLE');
      expect(line.end()).to.equal('close_notify');
    });

    it('passes on the end of an upstream, and names it in the log', async () => {
      const upstream = await taciturnUpstream();
      const { port, over } = await proxying(protocol, upstream.port);
      const { client, line } = await tapped(port);
      const far = await handedOver(client, upstream, protocol);
      far.end();
      await client.end();
      client.socket.end();
      const [end] = await over(1);
      expect(end?.upstream?.name).to.equal(`127.0.0.1:${upstream.port}`);
      expect(line.end()).to.equal('close_notify');
    });

    it('breaks off, and blames the upstream, when that is reset', async () => {
      const upstream = await taciturnUpstream();
      const { port, over } = await proxying(protocol, upstream.port);
      const { client } = await tapped(port);
      const far = await handedOver(client, upstream, protocol);
      far.resetAndDestroy();
      await client.end();
      client.destroy();
      const [end] = await over(1);
      expect(end?.error?.code).to.equal('ERR_UPSTREAM_CLOSED');
      expect(end?.error?.blame).to.equal('network');
      expect(end?.upstream?.name).to.equal(`127.0.0.1:${upstream.port}`);
    });
  });
}
