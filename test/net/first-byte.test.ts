import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { ldap } from '../../protocol/ldap.ts';
import { postgres } from '../../protocol/postgres.ts';
import { sieve } from '../../protocol/sieve.ts';
import { smtp } from '../../protocol/smtp.ts';
import { xmpp } from '../../protocol/xmpp.ts';
import { defineLineProtocol } from '../../src/dialogue/line-protocol.ts';
import type { StartTlsOptions } from '../../src/dialogue/peer.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { sClient } from '../support/s-client.ts';
import { serving, stopServing } from '../support/serving.ts';
import { greeted, underTls } from '../support/speak.ts';

describe('one port for both (tls: auto)', () => {
  afterEach(stopServing);

  for (const protocol of protocols) {
    it(`takes ${protocol.name} with an upgrade, and with TLS from the first byte`, async () => {
      const auto = (detectTimeout: number) =>
        serving(protocol, { tls: 'auto', detectTimeout }, session =>
          session.writeLine(`here ${session.tls?.version}`),
        );
      const upgraded = await underTls(await (await auto(50)).connect(), protocol);
      await upgraded.until('here TLSv1.3\r\n');
      // On a busy machine a ClientHello may take longer than that.
      const first = await (await auto(5000)).connect();
      await first.startTls(protocol.alpn === undefined ? {} : { ALPNProtocols: [...protocol.alpn] });
      await first.until('here TLSv1.3\r\n');
    });
  }

  for (const protocol of [smtp, sieve, xmpp, ldap, postgres]) {
    it(`takes openssl s_client both ways on one port: ${protocol.name}`, async () => {
      const { port } = await serving(protocol, { tls: 'auto' });
      const first = protocol.implicitRequiresAlpn === true ? ['-alpn', protocol.alpn?.[0] ?? ''] : [];
      for (const way of [['-starttls', protocol.name], first]) {
        const { status, stderr } = await sClient(port, ...way, '-brief');
        expect(stderr).to.contain('CONNECTION ESTABLISHED\nProtocol version: TLSv1.3\n');
        expect(status).to.equal(0);
      }
    });
  }

  for (const protocol of protocols) {
    it(`takes ${protocol.name} with a ClientHello that is cut behind its first byte`, async () => {
      const { port } = await serving(protocol, { tls: 'auto', detectTimeout: 5000 }, session =>
        session.writeLine('here'),
      );
      const cut = await Cut.connect(port, 1);
      const alpn = protocol.alpn === undefined ? {} : { ALPNProtocols: [...protocol.alpn] };
      const client = tls.connect({ socket: cut, rejectUnauthorized: false, ...alpn });
      let heard = '';
      for await (const data of client) {
        heard += String(data);
        if (heard.includes('here\r\n')) break;
      }
      expect(heard).to.contain('here\r\n');
      client.destroy();
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

describe('TLS from the first byte (tls: implicit)', () => {
  afterEach(stopServing);

  for (const protocol of protocols) {
    it(`is taken by ${protocol.name}, and nothing else is`, async () => {
      const { connect, over } = await serving(protocol, { tls: 'implicit' }, session =>
        session.writeLine(`here ${session.tls?.alpn}`),
      );
      const client = await connect();
      await client.startTls(protocol.alpn === undefined ? {} : { ALPNProtocols: [...protocol.alpn] });
      await client.until(`here ${protocol.alpn?.[0]}\r\n`);
      client.destroy();
      const plain = await connect();
      await plain.say('\r\n'.repeat(20)).end();
      expect(plain.heard).to.not.match(/[ -~]/);
      const codes = (await over(2)).map(({ error }) => error?.code);
      expect(codes).to.include('ERR_HANDSHAKE_NOT_TLS');
    });
  }
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

/** A connection that sends its first bytes apart, and the rest a moment later. */
class Cut extends Duplex {
  readonly #raw: net.Socket;
  #at: number;

  private constructor(raw: net.Socket, at: number) {
    super();
    this.#raw = raw;
    this.#at = at;
    raw.on('data', data => this.push(data));
    raw.on('end', () => this.push(null));
  }

  static async connect(port: number, at: number): Promise<Cut> {
    const raw = net.connect({ port, host: '127.0.0.1', noDelay: true });
    await once(raw, 'connect');
    return new Cut(raw, at);
  }

  override _read(): void {}

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const [first, rest] = [data.subarray(0, this.#at), data.subarray(this.#at)];
    this.#at = Number.POSITIVE_INFINITY;
    this.#raw.write(first);
    if (rest.length === 0) done();
    else setTimeout(() => this.#raw.write(rest, () => done()), 20);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#raw.destroy();
    done(error);
  }
}

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
