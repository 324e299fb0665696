import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import { defineLineProtocol } from '../../src/dialogue/line-protocol.ts';
import type { StartTlsOptions } from '../../src/dialogue/peer.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { serving, stopServing } from '../support/serving.ts';
import { greeted, underTls } from '../support/speak.ts';

describe('one port for both (tls: auto)', () => {
  afterEach(stopServing);

  for (const protocol of protocols) {
    it(`takes ${protocol.name} with an upgrade, and with TLS from the first byte`, async () => {
      const { connect } = await serving(protocol, { tls: 'auto', detectTimeout: 50 }, session =>
        session.writeLine(`here ${session.tls?.version}`),
      );
      const upgraded = await underTls(await connect(), protocol);
      await upgraded.until('here TLSv1.3\r\n');
      const first = await connect();
      await first.startTls(protocol.alpn === undefined ? {} : { ALPNProtocols: [...protocol.alpn] });
      await first.until('here TLSv1.3\r\n');
    });
  }

  it('greets a client that says nothing, after a moment', async () => {
    const { connect } = await serving(smtp, { tls: 'auto', detectTimeout: 150 });
    const client = await connect();
    const begun = performance.now();
    await greeted(client, smtp);
    expect(performance.now() - begun).to.be.within(100, 600);
  });

  it('loses no byte of a client that speaks before the greeting', async () => {
    const { connect } = await serving(smtp, { tls: 'auto', detectTimeout: 5000 });
    const client = await connect();
    client.say('E').say('HLO a\r\nNOOP\r\n');
    await client.until(/^220 .*\r\n250-[\s\S]*250 2\.0\.0 OK\r\n/);
  });

  it('costs a protocol whose client speaks first nothing', async () => {
    const protocol = defineLineProtocol({ name: 'mute', port: 4711 });
    const { connect } = await serving(protocol, { tls: 'auto', detectTimeout: 5000 });
    const client = await connect();
    const begun = performance.now();
    client.say('STARTTLS\r\n');
    await client.until('OK Begin TLS\r\n');
    expect(performance.now() - begun).to.be.lessThan(1000);
    await client.startTls();
  });

  it('takes a ClientHello that is cut behind its first byte', async () => {
    const { port } = await serving(smtp, { tls: 'auto' });
    const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    const [greeting] = await once(client, 'data');
    expect(String(greeting)).to.match(/^220 /);
    client.destroy();
  });

  it('holds a client that never speaks to the deadline of the dialogue', async () => {
    const protocol = defineLineProtocol({ name: 'mute', port: 4711 });
    const { connect, over } = await serving(protocol, { tls: 'auto', commandTimeout: 200 });
    await (await connect()).end();
    expect((await over(1))[0]?.error?.code).to.equal('ERR_COMMAND_TIMEOUT');
  });

  it('is left behind without a trace by a client that leaves at once', async () => {
    const { connect, over, server } = await serving(smtp, { tls: 'auto' });
    (await connect()).destroy();
    (await connect()).socket.end();
    await over(2);
    expect(server.connections).to.equal(0);
  });

  it('requires TLS in plaintext as ever', async () => {
    const { connect } = await serving(smtp, { tls: 'auto', detectTimeout: 1 }, session =>
      session.writeLine('here'),
    );
    const client = await connect();
    client.say('MAIL FROM:<>\r\n');
    await client.until(/530 5\.7\.0/);
  });
});

describe('ALPN that a protocol requires', () => {
  afterEach(stopServing);
  const strict = { ...smtp, alpn: ['strict'], implicitRequiresAlpn: true };

  for (const mode of ['implicit', 'auto'] as const) {
    it(`closes a client that offers none, where TLS comes first (${mode})`, async () => {
      const { connect, over } = await serving(strict, { tls: mode });
      const client = await connect();
      await client.startTls().catch(() => undefined);
      await client.end();
      expect(client.heard).to.equal('');
      expect((await over(1))[0]?.error?.code).to.equal('ERR_HANDSHAKE_ALPN');
    });

    it(`serves one that agrees (${mode})`, async () => {
      const { connect } = await serving(strict, { tls: mode });
      const client = await connect();
      await client.startTls({ ALPNProtocols: ['strict'] });
      await client.until(/^220 /);
    });
  }
});

describe('white space before a ClientHello', () => {
  afterEach(stopServing);
  /** Says `up` for the upgrade, and does not mind white space behind it. */
  const loose = upgradingAt({ skipWhitespace: true });

  for (const [what, pieces] of [
    ['in the same segment', ['up\r\n']],
    ['behind the go-ahead', ['up', '\r\n', ' \t\n']],
  ] as const) {
    it(`is dropped ${what}`, async () => {
      const { connect } = await serving(loose);
      const client = await connect();
      for (const piece of pieces) {
        client.say(piece);
        if (piece === 'up') await client.until('go');
      }
      if (pieces.length === 1) await client.until('go');
      await client.startTls();
      await client.until('secure\r\n');
    });
  }

  it('does not hide plaintext', async () => {
    const { connect, over } = await serving(loose);
    const client = await connect();
    client.say('up\r\nNOOP\r\n');
    await client.end();
    expect((await over(1))[0]?.error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
  });

  it('is bounded by the handshake deadline, and by the client leaving', async () => {
    const { connect, over } = await serving(loose, { handshakeTimeout: 200 });
    const slow = await connect();
    slow.say('up');
    await slow.until('go');
    slow.say(' ');
    await slow.end();
    const gone = await connect();
    gone.say('up');
    await gone.until('go');
    gone.socket.end();
    const codes = (await over(2)).map(({ error }) => error?.code);
    expect(codes).to.deep.equal(['ERR_HANDSHAKE_TIMEOUT', 'ERR_HANDSHAKE_PEER_GONE']);
  });
});

describe('a ClientHello that comes early', () => {
  afterEach(stopServing);
  const eager = upgradingAt({ early: true });

  for (const [what, cut] of [
    ['with the upgrade command', 0],
    ['cut behind its first byte', 1],
    ['cut in its midst', 100],
  ] as const) {
    it(`reaches TLS ${what}`, async () => {
      const { port } = await serving(eager);
      const far = net.connect({ port, host: '127.0.0.1', noDelay: true });
      const door = net.createServer(near => {
        near.once('data', hello => {
          near.pause();
          far.write(Buffer.concat([Buffer.from('up'), hello.subarray(0, cut === 0 ? hello.length : cut)]));
          setTimeout(() => {
            if (cut > 0) far.write(hello.subarray(cut));
            near.pipe(far);
          }, 20);
        });
        far.once('data', reply => {
          near.write(reply.subarray('go'.length));
          far.pipe(near);
        });
      });
      await once(door.listen(0, '127.0.0.1'), 'listening');
      const { port: entrance } = door.address() as net.AddressInfo;
      const client = tls.connect({ port: entrance, host: '127.0.0.1', rejectUnauthorized: false });
      const [words] = await once(client, 'data');
      expect(String(words)).to.equal('secure\r\n');
      client.destroy();
      far.destroy();
      door.close();
    });
  }
});

/** Says `go` at `up`, with TLS on the given terms, and `secure` under TLS. */
function upgradingAt(terms: StartTlsOptions): Protocol {
  return {
    ...smtp,
    *server(client) {
      if (client.secure) {
        client.write('secure\r\n');
        yield* client.line();
        return 'close';
      }
      yield* client.through('up', 10);
      return yield* client.startTls('go', terms);
    },
  };
}
