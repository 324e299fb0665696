import { expect } from 'chai';
import { protocols } from '../protocol/index.ts';
import type { Application } from '../src/net/session.ts';
import { serving, stopServing } from './support/serving.ts';
import { atGoAhead, underTls } from './support/speak.ts';
import { type Tap, tap } from './support/tap.ts';
import { twinTalk } from './support/twin.ts';
import { WireClient } from './support/wire-client.ts';

for (const protocol of protocols) {
  describe(`every end under TLS has a close_notify: ${protocol.name}`, () => {
    const clients: WireClient[] = [];

    afterEach(async () => {
      for (const client of clients.splice(0)) client.destroy();
      await stopServing();
    });

    async function tapped(port: number): Promise<{ readonly client: WireClient; readonly line: Tap }> {
      const line = await tap(port);
      const client = await WireClient.connect(line.port);
      clients.push(client);
      return { client, line };
    }

    const { upgradeScript, upgradeReplies } = twinTalk(protocol);

    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`that of an application which is done at once, ${maxVersion}`, async () => {
        const done: Application = async session => {
          session.stream.resume();
        };
        const { port } = await serving(protocol, {}, done);
        const { client, line } = await tapped(port);
        await underTls(client, protocol, { maxVersion });
        // What is the application's in plaintext as well begins when something has been said.
        await client.end();
        expect(line.end()).to.equal('close_notify');
      });

      it(`that of a deadline, ${maxVersion}`, async () => {
        const { port } = await serving(protocol, { idleTimeout: 100 });
        const { client, line } = await tapped(port);
        await underTls(client, protocol, { maxVersion });
        await client.end();
        expect(line.end()).to.equal('close_notify');
      });

      // Without a go-ahead nobody can tell when the handshake begins.
      if (upgradeReplies.length <= upgradeScript.length) continue;
      it(`that of a shutdown in the handshake, ${maxVersion}`, async () => {
        const { port, server } = await serving(protocol);
        const { client, line } = await tapped(port);
        await atGoAhead(client, protocol);
        const closed = server.close();
        await client.startTls({ maxVersion });
        await client.end();
        client.destroy();
        await closed;
        expect(line.end()).to.equal('close_notify');
      });
    }
  });
}
