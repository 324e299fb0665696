import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { http } from '../protocol/http.ts';
import { smtp } from '../protocol/smtp.ts';
import type { Protocol } from '../src/dialogue/protocol.ts';
import { SallyportError } from '../src/errors.ts';
import { UpstreamDialler, type UpstreamTls } from '../src/net/upstream-dialler.ts';
import { createProxy } from '../src/proxy.ts';
import { readProxyHeader, readValues } from '../src/wire/proxy-header.ts';
import { testCertificates } from './support/certificates.ts';
import { folderWith, removeFolders } from './support/folder.ts';
import { plainMail, plainUpstream, proxying, stopUpstreams } from './support/proxying.ts';
import { LONG } from './support/scale.ts';
import { serving, stopServing } from './support/serving.ts';
import { atGoAhead, greeted, inParallel, underTls } from './support/speak.ts';
import { SCENE } from './support/stage.ts';
import type { WireClient } from './support/wire-client.ts';

const HELLO = 'EHLO client.example.org\r\n';

describe('src/proxy', () => {
  afterEach(async () => {
    await stopServing();
    stopUpstreams();
  });
  after(removeFolders);

  /** A port of the loopback on which nobody listens. */
  async function closedPort(): Promise<number> {
    const upstream = await plainUpstream(() => undefined);
    upstream.stop();
    return upstream.port;
  }

  async function ask(client: WireClient, command: string, last: RegExp = /^\d{3} .*\r\n/m): Promise<string> {
    client.say(command);
    return client.until(last);
  }

  describe('dials', () => {
    const CLIENTS = LONG ? 1000 : 100;

    it(`nobody for ${CLIENTS} clients that never finish the handshake`, async function () {
      this.timeout(60_000);
      const upstream = await plainUpstream(plainMail);
      const { connect, over } = await proxying(smtp, upstream.port, { maxPerAddress: 0, maxConnections: 0 });
      await inParallel(CLIENTS, 50, async index => {
        const client = await connect();
        if (index % 3 === 0) await greeted(client, smtp);
        else await atGoAhead(client, smtp);
        if (index % 3 === 2) client.say(Buffer.from('1603010200010001fc0303', 'hex'));
        client.destroy();
      });
      await over(CLIENTS);
      expect(upstream.sockets.length).to.equal(0);
    });

    it('anew after the upgrade, and lets nothing that was said in plaintext reach that connection', async () => {
      const heard: string[][] = [];
      const upstream = await plainUpstream(socket => {
        const lines: string[] = [];
        heard.push(lines);
        socket.on('data', data => lines.push(data.toString('latin1')));
        plainMail(socket);
      });
      const { connect } = await proxying(smtp, upstream.port, { tls: 'optional' });
      const client = await greeted(await connect(), smtp);
      await ask(client, 'EHLO evil.example.org\r\n');
      await ask(client, 'STARTTLS\r\n');
      await client.startTls();
      await ask(client, HELLO);
      expect(heard.map(lines => lines.join(''))).to.deep.equal(['EHLO evil.example.org\r\n', HELLO]);
      const first = await upstream.socket(0);
      if (!first.closed) await once(first, 'close');
    });

    it('a Unix socket, and a name', async () => {
      const path = join(await folderWith(), 'upstream');
      const inner = await serving(smtp, { tls: 'optional' });
      await inner.server.close({ within: 0 });
      const { createServer } = await import('node:net');
      const server = createServer(plainMail).listen(path);
      await once(server, 'listening');
      const unix = await proxying(smtp, 0, { to: { path } });
      expect(await ask(await underTls(await unix.connect(), smtp), HELLO)).to.contain('upstream.example.org');
      server.close();
      const upstream = await plainUpstream(plainMail);
      const named = await proxying(smtp, 0, { to: { host: 'localhost', port: upstream.port } });
      expect(await ask(await underTls(await named.connect(), smtp), HELLO)).to.contain(
        'upstream.example.org',
      );
    });
  });

  describe('lets through', () => {
    it("the upstream's capabilities, but not its offer of TLS, and answers an upgrade under TLS itself", async () => {
      const heard: string[] = [];
      const upstream = await plainUpstream(socket => {
        socket.on('data', data => heard.push(data.toString('latin1')));
        plainMail(socket);
      });
      const { connect } = await proxying(smtp, upstream.port);
      const client = await underTls(await connect(), smtp);
      const hello = await ask(client, HELLO);
      expect(hello).to.contain('SIZE 1000').and.not.contain('STARTTLS');
      expect(await ask(client, 'STARTTLS\r\n')).to.match(/^503 /);
      expect(heard.join('')).to.equal(HELLO);
    });

    for (const said of [
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
      'XCLIENT ADDR=192.0.2.1\r\n',
      'XFORWARD ADDR=192.0.2.1\r\n',
    ]) {
      it(`no word of who the client is: ${JSON.stringify(said)}`, async () => {
        const heard: string[] = [];
        const upstream = await plainUpstream(socket => {
          socket.on('data', data => heard.push(data.toString('latin1')));
          plainMail(socket);
        });
        for (const tls of ['required', 'optional'] as const) {
          const { connect } = await proxying(smtp, upstream.port, { tls });
          const client = await connect();
          if (tls === 'required') await underTls(client, smtp);
          else await greeted(client, smtp);
          client.say(said);
          await client.until(/^5\d\d .*\r\n/);
        }
        expect(heard.join('')).to.equal('');
      });
    }
  });

  it('sends no header of version 2 that a client makes up to an upstream that waits for one', async () => {
    const heard: string[] = [];
    const upstream = await plainUpstream(socket =>
      socket.on('data', data => heard.push(data.toString('latin1'))),
    );
    for (const tls of ['required', 'optional'] as const) {
      const { connect } = await proxying(smtp, upstream.port, { tls, upstreamTimeout: 200 });
      const client = await connect();
      if (tls === 'required') await underTls(client, smtp);
      else await greeted(client, smtp);
      client.say('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c');
      await client.until(/^(421|5\d\d) .*\r\n/);
    }
    expect(heard.join('')).to.equal('');
  });

  describe('says its temporary failure', () => {
    it('when nobody can be reached, and logs why', async () => {
      const port = await closedPort();
      const { connect, over } = await proxying(smtp, port);
      const client = await underTls(await connect(), smtp);
      expect(await ask(client, HELLO)).to.equal('421 4.4.1 mail.example.org Upstream cannot be reached\r\n');
      await client.end();
      client.destroy();
      const { error } = (await over(1))[0] ?? {};
      expect(error?.code).to.equal('ERR_UPSTREAM_UNREACHABLE');
      expect(error?.message).to.contain(`127.0.0.1:${port}: ECONNREFUSED`);
    });

    for (const [what, serve, words] of [
      [
        'closes at once',
        socket => socket.destroy(),
        '421 4.4.2 mail.example.org Upstream closed the connection\r\n',
      ],
      [
        'is reset in the dialogue',
        socket => {
          socket.write('220 upstream.example.org\r\n');
          socket.once('data', () => socket.resetAndDestroy());
        },
        '421 4.4.2 mail.example.org Upstream closed the connection\r\n',
      ],
      ['says nothing', () => undefined, '421 4.4.2 mail.example.org Upstream does not answer\r\n'],
    ] as [string, (socket: Socket) => unknown, string][]) {
      it(`when the upstream ${what}`, async () => {
        const upstream = await plainUpstream(socket => void serve(socket));
        const { connect } = await proxying(smtp, upstream.port, { upstreamTimeout: 200 });
        const client = await underTls(await connect(), smtp);
        client.say(HELLO);
        await client.end();
        expect(client.rest).to.equal(words);
      });
    }

    it('or the end of the stream to every client of an upstream that is killed 100 times under load', async function () {
      this.timeout(60_000);
      const upstream = await plainUpstream(plainMail);
      const { connect, over, server } = await proxying(smtp, upstream.port, { maxPerAddress: 0 });
      const clients = LONG ? 1000 : 100;
      const kill = setInterval(() => {
        for (const socket of upstream.sockets.splice(0)) socket.resetAndDestroy();
      }, 5);
      await inParallel(clients, 25, async () => {
        const client = await underTls(await connect(), smtp);
        client.say(HELLO);
        for (const step of ['MAIL FROM:<>\r\n', 'NOOP\r\n', 'NOOP\r\n', 'NOOP\r\n']) {
          await new Promise(resolve => setTimeout(resolve, 3));
          client.say(step);
        }
        client.say('QUIT\r\n');
        await client.end(20_000);
        client.destroy();
      });
      clearInterval(kill);
      await over(clients);
      expect(server.connections).to.equal(0);
    });
  });

  describe('chooses', () => {
    const named = (name: string) =>
      plainUpstream(socket => {
        socket.write(`220 ${name} ESMTP\r\n`);
        socket.on('data', () => socket.write(`250 ${name}\r\n`));
      });

    it('by the name that the client asks for', async () => {
      const [a, b] = [await named('a.example.org'), await named('default')];
      const to = [
        { host: '127.0.0.1', port: a.port, servername: 'a.example.org' },
        { host: '127.0.0.1', port: b.port },
      ];
      const { connect } = await proxying(smtp, 0, { to });
      for (const [servername, chosen] of [
        ['a.example.org', 'a.example.org'],
        ['b.example.org', 'default'],
        [undefined, 'default'],
      ] as const) {
        const client = await atGoAhead(await connect(), smtp);
        await client.startTls(servername === undefined ? {} : { servername });
        expect(await ask(client, HELLO)).to.equal(`250 ${chosen}\r\n`);
      }
    });

    it('the default, and says so, when a resumed session of TLS 1.2 tells no name', async () => {
      const [a, b] = [await named('a.example.org'), await named('default')];
      const to = [
        { host: '127.0.0.1', port: a.port, servername: 'a.example.org' },
        { host: '127.0.0.1', port: b.port },
      ];
      const logged: string[] = [];
      const nothing = () => undefined;
      const log = {
        debug: nothing,
        warn: nothing,
        error: nothing,
        info: (_: object, text: string) => void logged.push(text),
      };
      const { connect } = await proxying(smtp, 0, { to, log } as object);
      const options = { servername: 'a.example.org', maxVersion: 'TLSv1.2' } as const;
      const first = await atGoAhead(await connect(), smtp);
      const secure = await first.startTls(options);
      expect(await ask(first, HELLO)).to.equal('250 a.example.org\r\n');
      const session = secure.getSession();
      const second = await atGoAhead(await connect(), smtp);
      const resumed = await second.startTls({ ...options, ...(session && { session }) });
      expect(resumed.isSessionReused()).to.equal(true);
      expect(await ask(second, HELLO)).to.equal('250 default\r\n');
      expect(logged).to.include('resumed without a name: default upstream');
    });

    it('the next one when one cannot be reached', async () => {
      const good = await named('good');
      const to = [await closedPort(), good.port].map(port => ({ host: '127.0.0.1', port }));
      const { connect, over } = await proxying(smtp, 0, { to });
      for (let index = 0; index < 3; index += 1) {
        const client = await underTls(await connect(), smtp);
        expect(await ask(client, HELLO)).to.equal('250 good\r\n');
        client.destroy();
      }
      expect((await over(3)).map(({ upstream }) => upstream?.name)).to.deep.equal(
        Array(3).fill(`127.0.0.1:${good.port}`),
      );
    });
  });

  describe('speaks TLS to the upstream', () => {
    /** A server with TLS of its own, that says in what way it was reached. */
    async function secureUpstream(protocol: Protocol, tls: 'required' | 'implicit') {
      const { authority } = await testCertificates();
      return serving(protocol, { tls, ca: authority.cert, clientCertificate: 'request' }, async session => {
        const client = session.tls?.clientCertificate?.subject ?? 'nobody';
        for await (const line of session.lines()) await session.writeLine(`250 ${client} said ${line}`);
      });
    }

    const request = {
      session: 'a-1',
      remote: { address: '192.0.2.7', port: 4321 },
      local: { address: '198.51.100.2', port: 25 },
      tls: undefined,
    };

    async function dialled(port: number, tls: UpstreamTls, options: object = {}) {
      const dialler = new UpstreamDialler({
        addresses: [{ host: 'localhost', port }],
        protocol: smtp,
        scene: SCENE,
        connectTimeout: 1000,
        timeout: 1000,
        tls,
        sendProxy: undefined,
        nameless: () => undefined,
        ...options,
      });
      const { stream, greeted } = await dialler.dial(request);
      stream.resume().write(HELLO);
      const [answer] = await once(stream, 'data');
      stream.destroy();
      return { greeted, answer: String(answer) };
    }

    for (const [mode, policy] of [
      ['implicit', 'implicit'],
      ['upgrade', 'required'],
    ] as const) {
      it(`${mode}, verified, with a certificate of our own`, async () => {
        const { authority, client: own } = await testCertificates();
        const inner = await secureUpstream(smtp, policy);
        const toTls: UpstreamTls = { mode, ca: authority.cert, clientCertificate: own };
        const { greeted, answer } = await dialled(inner.port, toTls);
        // After an upgrade there is no second greeting; with implicit TLS it is still to come.
        expect(greeted).to.equal(mode === 'upgrade');
        if (mode === 'upgrade') expect(answer).to.equal(`250 CN=alice said ${HELLO}`);
        else expect(answer).to.match(/^220 mail\.example\.org/);
      });

      it(`${mode}, and not to one whose certificate is not good`, async () => {
        const { authority } = await testCertificates();
        const inner = await secureUpstream(smtp, policy);
        const refused = async (tls: UpstreamTls) =>
          dialled(inner.port, tls).then(
            () => 'taken',
            error => `${error.code} ${error.message}`,
          );
        expect(await refused({ mode })).to.match(
          /^ERR_UPSTREAM_UNREACHABLE .*Server certificate not accepted/,
        );
        const other = { mode, ca: authority.cert, servername: 'other.example.org' };
        expect(await refused(other)).to.match(/ALTNAME_INVALID/);
        expect(await refused({ mode, verify: false })).to.equal('taken');
      });
    }

    it('and gives its client only what is for it, where what turned TLS on is answered under TLS', async () => {
      const { authority } = await testCertificates();
      const inner = await serving(http);
      const toTls: UpstreamTls = { mode: 'upgrade', ca: authority.cert };
      const to = { host: 'localhost', port: inner.port };
      const { connect } = await proxying(http, 0, { tls: 'implicit', to, toTls });
      const client = await connect();
      await client.startTls();
      client.say('GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await client.end();
      expect(client.heard.match(/^HTTP\/1\.1 \d+/gm)).to.deep.equal(['HTTP/1.1 404']);
    });

    it('to the end of what a client has to say, when that is implicit', async () => {
      const { authority } = await testCertificates();
      const inner = await secureUpstream(smtp, 'implicit');
      const toTls: UpstreamTls = { mode: 'implicit', ca: authority.cert };
      const { connect } = await proxying(smtp, 0, { to: { host: 'localhost', port: inner.port }, toTls });
      const client = await underTls(await connect(), smtp);
      expect(await ask(client, HELLO)).to.equal(`250 nobody said ${HELLO}`);
      expect(await ask(client, 'MAIL FROM:<>\r\n')).to.equal('250 nobody said MAIL FROM:<>\r\n');
    });

    it('behind the PROXY header', async () => {
      const { authority } = await testCertificates();
      const inner = await serving(smtp, { proxyFrom: ['127.0.0.1', '::1'] }, async session => {
        for await (const _ of session.lines()) await session.writeLine(`250 ${session.peer.address}`);
      });
      const options = { sendProxy: 'v2' };
      const { answer } = await dialled(inner.port, { mode: 'upgrade', ca: authority.cert }, options);
      expect(answer).to.equal('250 192.0.2.7\r\n');
    });
  });

  describe('begins with a PROXY header', () => {
    /** Takes all that comes, and answers as a mail server behind it. */
    const afterHeader = () => {
      const heard: Buffer[] = [];
      const upstream = plainUpstream(socket => {
        socket.once('data', header => {
          heard.push(header);
          plainMail(socket);
        });
      });
      return { heard, upstream };
    };

    it('of version 1, which names the client', async () => {
      const { heard, upstream } = afterHeader();
      const { connect, port } = await proxying(smtp, (await upstream).port, { sendProxy: 'v1' });
      const client = await underTls(await connect(), smtp);
      await ask(client, HELLO);
      const { localPort } = client.socket;
      expect(Buffer.concat(heard).toString()).to.equal(
        `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${port}\r\n`,
      );
    });

    it('of version 2, with what TLS negotiated, and no end or value that the client could forge', async () => {
      const { authority, client: alice } = await testCertificates();
      const { heard, upstream } = afterHeader();
      const options = {
        sendProxy: 'v2',
        ca: authority.cert,
        clientCertificate: 'require',
        proxyFrom: ['127.0.0.1'],
      } as const;
      const { connect } = await proxying(smtp, (await upstream).port, options);
      const client = await connect();
      client.say('PROXY TCP6 2001:db8::1 2001:db8::2 4321 25\r\n');
      await atGoAhead(client, smtp);
      const servername = 'evil\r\nPROXY.example.org';
      await client.startTls({ ...alice, servername, maxVersion: 'TLSv1.2' });
      await ask(client, HELLO);
      const read = readProxyHeader(Buffer.concat(heard));
      expect(read?.length).to.equal(Buffer.concat(heard).length);
      expect(read?.header.endpoints?.source).to.deep.equal({ address: '2001:db8::1', port: 4321 });
      expect(read?.header.endpoints?.destination).to.deep.equal({ address: '2001:db8::2', port: 25 });
      const values = new Map(read?.header.values.map(({ type, value }) => [type, Buffer.from(value)]));
      expect(values.get(0x02)?.toString()).to.equal(servername);
      expect(values.get(0x05)?.toString()).to.match(/^[0-9a-f]{6}-1$/);
      const ssl = values.get(0x20) ?? Buffer.alloc(5);
      expect(ssl.subarray(0, 5).toString('hex')).to.equal('0700000000');
      expect(
        readValues(ssl.subarray(5)).map(({ type, value }) => [type, Buffer.from(value).toString()]),
      ).to.deep.equal([
        [0x21, 'TLSv1.2'],
        [0x23, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
        [0x22, 'alice'],
      ]);
    });
  });

  describe('refuses', () => {
    const faults: [string, object][] = [
      ['no upstream', { to: [] }],
      ['a Unix socket whose certificate is for nobody', { to: { path: '/a' }, toTls: { mode: 'implicit' } }],
      ['a network that is none', { proxyFrom: ['localhost'] }],
    ];
    for (const [what, options] of faults) {
      it(what, async () => {
        const { server: certificate } = await testCertificates();
        const to = { host: '127.0.0.1', port: 25 };
        expect(() => createProxy({ protocol: smtp, certificate, to, ...options }))
          .to.throw(SallyportError)
          .with.property('code', 'ERR_OPTION');
      });
    }
  });
});
