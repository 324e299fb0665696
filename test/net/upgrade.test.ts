import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { expect } from 'chai';
import type { TlsFacts } from '../../src/dialogue/tls-facts.ts';
import { SallyportError } from '../../src/errors.ts';
import { TlsTerminator } from '../../src/net/terminator.ts';
import { tlsFacts } from '../../src/net/tls-facts.ts';
import { type UpgradeOptions, upgrade } from '../../src/net/upgrade.ts';
import type { TlsOptions } from '../../src/options.ts';
import { type TestCertificates, testCertificates } from '../support/certificates.ts';
import { WireClient } from '../support/wire-client.ts';

const GO_AHEAD = '220 go ahead\r\n';

/** What became of one upgrade. */
interface Outcome {
  readonly raw: net.Socket;
  readonly secure?: tls.TLSSocket;
  readonly facts?: TlsFacts;
  readonly error?: SallyportError;
}

/** Somebody else's plain server, which upgrades at the first thing it reads. */
class PlainServer {
  readonly outcomes: Outcome[] = [];
  readonly #server: net.Server;
  readonly #settled: (() => void)[] = [];
  readonly #terminator: TlsTerminator;
  options: Partial<UpgradeOptions> = {};
  prepare: (socket: net.Socket) => void = () => {};
  /** Whether the first thing read is TLS already. */
  early = false;

  constructor(tlsOptions: TlsOptions) {
    this.#terminator = new TlsTerminator(tlsOptions);
    this.#server = net.createServer({ noDelay: true }, raw => {
      raw.on('error', () => {});
      this.prepare(raw);
      raw.once('data', data => this.#upgrade(raw, this.early ? { early: data, goAhead: '' } : {}));
    });
  }

  async #upgrade(raw: net.Socket, own: Partial<UpgradeOptions>): Promise<void> {
    try {
      const terminator = this.#terminator;
      const secure = await upgrade(raw, { terminator, goAhead: GO_AHEAD, ...this.options, ...own });
      secure.on('data', data => secure.write(data));
      this.outcomes.push({ raw, secure, facts: tlsFacts(secure) });
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      this.outcomes.push({ raw, error });
    }
    for (const wake of this.#settled.splice(0)) wake();
  }

  get pending(): number {
    return this.#terminator.pending;
  }

  async connect(): Promise<WireClient> {
    if (!this.#server.listening) await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const { port } = this.#server.address() as net.AddressInfo;
    return WireClient.connect(port);
  }

  /** The outcome of the first upgrade, and it is over in every sense: no timer, no entry, on failure no socket. */
  async outcome(): Promise<Outcome> {
    while (this.outcomes.length === 0) await new Promise<void>(resolve => this.#settled.push(resolve));
    const [outcome] = this.outcomes;
    if (outcome === undefined) throw new Error('no outcome');
    expect(this.pending, 'handshakes under way').to.equal(0);
    if (outcome.error !== undefined && !outcome.raw.closed) await once(outcome.raw, 'close');
    return outcome;
  }

  close(): void {
    this.#server.close();
    for (const { raw } of this.outcomes) raw.destroy();
  }
}

// With several certificates the ClientHello is read before TLS begins: nothing else may be different.
for (const count of ['one certificate', 'several certificates']) {
  describe(`src/net/upgrade, with ${count}`, () => testUpgrade({ several: count !== 'one certificate' }));
}

function testUpgrade({ several }: { readonly several: boolean }): void {
  let certificates: TestCertificates;
  let server: PlainServer;

  before(async () => {
    certificates = await testCertificates();
  });

  afterEach(() => server.close());

  function serverWith(options: Partial<TlsOptions> = {}): PlainServer {
    const others = several ? { certificates: [certificates.client] } : {};
    server = new PlainServer({ certificate: certificates.server, ...others, ...options });
    return server;
  }

  async function asked(options: Partial<TlsOptions> = {}): Promise<WireClient> {
    const client = await serverWith(options).connect();
    client.say('STARTTLS\r\n');
    await client.until(GO_AHEAD);
    return client;
  }

  /** The first flight of a TLS client. */
  async function clientHello(): Promise<Buffer> {
    const sink = net.createServer();
    await once(sink.listen(0, '127.0.0.1'), 'listening');
    const client = tls.connect({ port: (sink.address() as net.AddressInfo).port, rejectUnauthorized: false });
    client.on('error', () => {});
    const [socket] = (await once(sink, 'connection')) as [net.Socket];
    const [hello] = (await once(socket, 'data')) as [Buffer];
    client.destroy();
    socket.destroy();
    sink.close();
    return hello;
  }

  describe('succeeds', () => {
    it('and echoes under TLS, with SNI, version and cipher told', async () => {
      const client = await asked();
      await client.startTls({ ca: certificates.authority.cert });
      client.say('hello');
      await client.until('hello');
      const { facts } = await server.outcome();
      expect(facts).to.deep.include({
        version: 'TLSv1.3',
        servername: 'localhost',
        resumed: false,
        alpn: undefined,
      });
      expect(facts?.cipher).to.match(/^TLS_/);
      client.destroy();
    });

    for (const delay of ['whole', 'in two halves', 'byte by byte'] as const) {
      it(`with a ClientHello that comes late and ${delay}`, async () => {
        const client = await asked();
        const relay = await dribbling(
          client,
          delay === 'whole' ? 10_000 : delay === 'byte by byte' ? 1 : 150,
        );
        relay.write('hello');
        await once(relay, 'data');
        relay.destroy();
      });
    }

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`and resumes ${version} sessions by ticket, the client certificate told again`, async () => {
        const { client: alice, authority } = certificates;
        serverWith({ ca: authority.cert, clientCertificate: 'require' });
        const options = { ...alice, ca: authority.cert, minVersion: version, maxVersion: version };
        const first = await server.connect();
        first.say('STARTTLS\r\n');
        await first.until(GO_AHEAD);
        const secure = await first.startTls(options);
        const ticket = once(secure, 'session');
        first.say('x');
        await first.until('x');
        const session = version === 'TLSv1.3' ? ((await ticket)[0] as Buffer) : secure.getSession();
        first.destroy();
        const second = await server.connect();
        second.say('STARTTLS\r\n');
        await second.until(GO_AHEAD);
        await second.startTls({ ...options, ...(session === undefined ? {} : { session }) });
        second.say('y');
        await second.until('y');
        const facts = server.outcomes.map(outcome => outcome.facts);
        expect(facts.map(each => each?.resumed)).to.deep.equal([false, true]);
        expect(facts[1]?.clientCertificate).to.deep.include({ subject: 'CN=alice', verified: true });
        // Node does not tell it then: nothing must be decided by it.
        const resumedName = version === 'TLSv1.2' ? undefined : 'localhost';
        expect(facts.map(each => each?.servername)).to.deep.equal(['localhost', resumedName]);
        expect(facts.map(each => each?.group)).to.deep.equal([undefined, undefined]);
        second.destroy();
      });
    }

    it('with bytes that are TLS and came early, where the protocol says so', async () => {
      serverWith();
      server.early = true;
      const client = await server.connect();
      await client.startTls();
      client.say('hello');
      await client.until('hello');
      expect((await server.outcome()).error).to.equal(undefined);
      client.destroy();
    });

    it('for ALPN that both know, and for a client that offers none', async () => {
      const client = await asked({ alpn: ['imap'] });
      expect((await client.startTls({ ALPNProtocols: ['imap'] })).alpnProtocol).to.equal('imap');
      expect((await server.outcome()).secure?.alpnProtocol).to.equal('imap');
      client.destroy();
      server.close();
      const other = await asked({ alpn: ['imap'] });
      expect((await other.startTls()).alpnProtocol).to.equal(false);
      other.destroy();
    });
  });

  describe('refuses in plaintext, before the go-ahead', () => {
    for (const unread of ['NOOP\r\n', 'N', '\r', '\x16\x03\x01']) {
      it(`when ${JSON.stringify(unread)} is unread`, async () => {
        serverWith();
        server.options = { unread: Buffer.from(unread, 'latin1'), refusal: '554 no\r\n' };
        const client = await server.connect();
        client.say('STARTTLS\r\n');
        await client.end();
        expect(client.heard).to.equal('554 no\r\n');
        client.destroy();
        expect((await server.outcome()).error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
      });
    }

    it('when the socket itself holds bytes, and also when the client never closes', async () => {
      serverWith();
      server.prepare = raw => raw.once('data', () => raw.pause().unshift(Buffer.from('EVIL\r\n')));
      const client = await server.connect();
      client.say('STARTTLS\r\n');
      await client.end();
      expect(client.heard).to.equal('');
      const begun = performance.now();
      expect((await server.outcome()).error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
      expect(performance.now() - begun).to.be.lessThan(1500);
      client.destroy();
    });

    it('and drops what is unread where that was chosen', async () => {
      serverWith();
      server.options = { plaintextAfterUpgrade: 'discard', unread: Buffer.from('EVIL\r\n') };
      server.prepare = raw => raw.once('data', () => raw.pause().unshift(Buffer.from('EVIL\r\n')));
      const client = await server.connect();
      client.say('STARTTLS\r\n');
      await client.until(GO_AHEAD);
      await client.startTls();
      client.say('hello');
      expect(await client.until('hello')).to.equal('hello');
      client.destroy();
    });

    const faults: [string, (raw: net.Socket) => void][] = [
      ['is destroyed', raw => raw.destroy()],
      ['has been ended', raw => raw.end()],
      ['has an encoding, which would abort the process', raw => raw.setEncoding('utf8')],
    ];
    for (const [what, prepare] of faults) {
      it(`when the socket ${what}`, async () => {
        serverWith();
        server.prepare = raw => raw.prependOnceListener('data', () => prepare(raw));
        const client = await server.connect();
        client.say('STARTTLS\r\n');
        const { error, raw } = await server.outcome();
        expect(error?.code).to.equal('ERR_SOCKET');
        expect(raw.destroyed).to.equal(true);
        client.destroy();
      });
    }

    it('when it is no socket at all', async () => {
      serverWith();
      const terminator = new TlsTerminator({ certificate: certificates.server });
      const impostor = {} as unknown as net.Socket; // what JavaScript callers can do
      const error = await upgrade(impostor, { terminator }).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'ERR_SOCKET');
    });
  });

  describe('fails with one typed reason, and the raw socket is gone', () => {
    it('when the handshake does not begin, or dribbles, within the deadline', async () => {
      const hello = await clientHello();
      for (const length of [0, 1, 60, hello.length - 1]) {
        serverWith();
        server.options = { handshakeTimeout: 300 };
        const client = await server.connect();
        client.say('STARTTLS\r\n');
        await client.until(GO_AHEAD);
        const begun = performance.now();
        if (length > 0) client.say(hello.subarray(0, length));
        await client.end();
        expect(performance.now() - begun).to.be.within(250, 800);
        expect((await server.outcome()).error?.code).to.equal('ERR_HANDSHAKE_TIMEOUT');
        client.destroy();
        server.close();
      }
    });

    it('when the peer resets, or finishes, in the midst of it', async () => {
      const hello = await clientHello();
      for (const leave of ['reset', 'finish', 'reset half-way', 'finish half-way'] as const) {
        const client = await asked();
        if (leave.endsWith('half-way')) client.say(hello.subarray(0, 100));
        if (leave.startsWith('reset')) client.reset();
        else client.socket.end();
        expect((await server.outcome()).error?.code, leave).to.equal('ERR_HANDSHAKE_PEER_GONE');
        client.destroy();
        server.close();
      }
    });

    const garbage: [string, string, string][] = [
      ['a command', 'EHLO x\r\nNOOP\r\n', 'ERR_HANDSHAKE_NOT_TLS'],
      ['an HTTP request', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'ERR_HANDSHAKE_NOT_TLS'],
      ['a record of 64 KiB', `\x16\x03\x01\xff\xff${'a'.repeat(70_000)}`, 'ERR_HANDSHAKE_NOT_TLS'],
      ['application data', '\x17\x03\x03\x00\x05hello', 'ERR_HANDSHAKE_FAILED'],
      ['an alert', '\x15\x03\x01\x00\x02\x02\x28', 'ERR_HANDSHAKE_FAILED'],
    ];
    for (const [what, bytes, code] of garbage) {
      it(`when ${what} comes instead`, async () => {
        const client = await asked();
        client.say(bytes);
        await client.end();
        expect(client.rest).to.not.match(/[a-z]{4}/i, 'no word in plaintext after the go-ahead');
        expect((await server.outcome()).error?.code).to.equal(code);
        client.destroy();
      });
    }

    const clients: [string, tls.ConnectionOptions, Partial<TlsOptions>, string][] = [
      [
        'only old versions',
        { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
        {},
        'ERR_HANDSHAKE_VERSION',
      ],
      [
        'TLS 1.2 where 1.3 is least',
        { maxVersion: 'TLSv1.2' },
        { minVersion: 'TLSv1.3' },
        'ERR_HANDSHAKE_VERSION',
      ],
      [
        'only CBC ciphers',
        { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' },
        {},
        'ERR_HANDSHAKE_CIPHER',
      ],
      ['another protocol by ALPN', { ALPNProtocols: ['http/1.1'] }, { alpn: ['imap'] }, 'ERR_HANDSHAKE_ALPN'],
    ];
    for (const [what, options, tlsOptions, code] of clients) {
      it(`when the client offers ${what}`, async () => {
        const client = await asked(tlsOptions);
        const failed = await client.startTls(options).then(
          () => undefined,
          (error: Error) => error,
        );
        expect(failed).to.be.an('error');
        expect((await server.outcome()).error?.code).to.equal(code);
        client.destroy();
      });
    }

    it('when the client does not trust us, and says so by an alert', async () => {
      const client = await asked();
      const { port } = await doorTo(client);
      const args = [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-verify_return_error',
        '-no-CAfile',
        '-tls1_2',
      ];
      const openssl = spawn('openssl', args, { stdio: 'ignore' });
      const { error } = await server.outcome();
      expect(error?.code).to.equal('ERR_HANDSHAKE_ALERT');
      if (openssl.exitCode === null) await once(openssl, 'exit');
      client.destroy();
    });

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const which of ['none', 'selfSignedClient', 'expiredClient', 'strangerClient'] as const) {
        it(`when a client certificate is required and this is ${which}, ${version}`, async () => {
          const { authority } = certificates;
          const client = await asked({ ca: authority.cert, clientCertificate: 'require' });
          const certificate = which === 'none' ? {} : certificates[which];
          await client.startTls({ ...certificate, minVersion: version, maxVersion: version }).catch(() => {});
          client.say('hello');
          await client.end();
          expect(client.rest).to.equal('');
          expect((await server.outcome()).error?.code).to.equal('ERR_HANDSHAKE_CERTIFICATE');
          client.destroy();
        });
      }
    }

    it('but lets in any client certificate that is only asked for, and tells that it is not verified', async () => {
      const { authority, strangerClient } = certificates;
      const client = await asked({ ca: authority.cert, clientCertificate: 'request' });
      await client.startTls(strangerClient);
      client.say('hello');
      await client.until('hello');
      const { facts } = await server.outcome();
      expect(facts?.clientCertificate).to.deep.include({ subject: 'CN=alice', verified: false });
      expect(facts?.clientCertificate?.altNames).to.equal('DNS:alice.example.org');
      client.destroy();
    });
  });

  describe('afterwards', () => {
    it('closes at a corrupt record', async () => {
      const client = await asked();
      const raw = client.socket;
      await client.startTls();
      client.say('hello');
      await client.until('hello');
      const { raw: near } = await server.outcome();
      const begun = performance.now();
      raw.write('EVIL in plaintext\r\n');
      if (!near.closed) await once(near, 'close');
      expect(performance.now() - begun).to.be.lessThan(100);
      client.destroy();
    });

    it('accepts no renegotiation', async () => {
      const client = await asked();
      const secure = await client.startTls({ maxVersion: 'TLSv1.2' });
      const error = await new Promise(resolve => {
        secure.on('error', resolve);
        secure.renegotiate({}, resolve);
      });
      expect(error).to.be.an('error');
      client.destroy();
    });
  });
}

/** A TLS client whose bytes go out `size` at a time. */
async function dribbling(client: WireClient, size: number): Promise<tls.TLSSocket> {
  const { port } = await doorTo(client, size);
  const secure = tls.connect({ port, rejectUnauthorized: false });
  secure.on('close', () => client.destroy());
  await once(secure, 'secureConnect');
  return secure;
}

/** A port whose first connection goes on over the client's, its bytes `size` at a time. */
async function doorTo({ socket }: WireClient, size = Number.POSITIVE_INFINITY): Promise<net.AddressInfo> {
  socket.removeAllListeners('data').removeAllListeners('end');
  const door = net.createServer(near => {
    door.close();
    near.on('error', () => {});
    near.on('close', () => socket.end());
    socket.pipe(near);
    near.on('data', (data: Buffer) => {
      for (let at = 0; at < data.length; at += size) socket.write(data.subarray(at, at + size));
    });
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  return door.address() as net.AddressInfo;
}
