import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as net from 'node:net';
import type * as tls from 'node:tls';
import { expect } from 'chai';
import { ftp } from '../../protocol/ftp.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { SessionEnd } from '../../src/net/session-end.ts';
import { TlsTerminator } from '../../src/net/terminator.ts';
import { WatchedEnd } from '../../src/net/watched-end.ts';
import { createProxy, type ProxyOptions } from '../../src/proxy.ts';
import type { Server } from '../../src/server.ts';
import { testCertificates } from '../support/certificates.ts';
import { FtpClient } from '../support/ftp-client.ts';
import { type PlainFtp, plainFtp, stopPlainFtp } from '../support/plain-ftp.ts';
import { WireClient } from '../support/wire-client.ts';

const FILE = randomBytes(1_000_000);

describe('src/net/follow', () => {
  const proxies: Server[] = [];
  const clients: FtpClient[] = [];
  let backend: PlainFtp;

  beforeEach(async () => {
    backend = await plainFtp();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const proxy of proxies.splice(0)) await proxy.close({ within: 0 });
    stopPlainFtp();
  });

  async function client(options: Partial<ProxyOptions> = {}, host = '127.0.0.1'): Promise<FtpClient> {
    const { server: certificate } = await testCertificates();
    const to = { host: '127.0.0.1', port: backend.port };
    const proxy = createProxy({ protocol: ftp, certificate, hostname: 'mail.example.org', to, ...options });
    proxies.push(proxy);
    const { port } = await proxy.listen({ host, port: 0 });
    const connected = new FtpClient(await WireClient.connect(port, host), host);
    clients.push(connected);
    return connected;
  }

  for (const host of ['127.0.0.1', '::1']) {
    for (const mode of ['passive', 'active'] as const) {
      it(`carries files both ways over ${host}, ${mode}, several in one session`, async () => {
        const session = await (await client({}, host)).protect();
        for (const name of ['first', 'second']) {
          expect(await session.store(name, FILE, mode)).to.match(/^226 stored/m);
          expect(backend.files.get(name)?.equals(FILE), name).to.equal(true);
          expect((await session.retrieve(name, mode)).equals(FILE), name).to.equal(true);
        }
        expect(await session.store('empty', Buffer.alloc(0), mode)).to.match(/^226 stored/m);
        expect(await session.retrieve('empty', mode)).to.have.length(0);
        expect(backend.commands.filter(line => /PROT|PBSZ|PORT|EPRT/.test(line))).to.deep.equal([]);
      });
    }
  }

  it('speaks with an upstream over IPv6', async () => {
    const six = await plainFtp('::1');
    const session = await (await client({ to: { host: '::1', port: six.port } })).protect();
    expect(await session.store('a', FILE, 'passive')).to.match(/^226 stored/m);
    expect(six.files.get('a')?.equals(FILE)).to.equal(true);
    expect(six.commands).to.include('EPSV');
  });

  it('resumes the TLS session of the control connection', async () => {
    const session = await (await client()).protect();
    await session.store('a', Buffer.from('a'), 'passive');
    expect(session.resumed).to.deep.equal([true]);
  });

  it('says with close_notify that a download is whole, however short it is', async () => {
    const session = await (await client()).protect();
    for (const text of ['', 'short']) {
      for (const resuming of [true, false]) {
        backend.files.set('a', Buffer.from(text));
        const leg = await session.leg('passive');
        session.wire.say('RETR a\r\n');
        const raw = await leg.raw();
        // From here only close_notify is an end.
        const secure = session.secure(new WatchedEnd(raw), { resuming });
        secure.resume();
        await once(secure, 'end');
        expect(await session.wire.until(/226 .*\r\n/)).to.match(/226 sent/);
      }
    }
  });

  it('does not let an upload look whole that was cut off', async () => {
    const session = await (await client()).protect();
    for (const cut of ['fin', 'reset'] as const) {
      const leg = await session.leg('passive');
      session.wire.say(`STOR ${cut}\r\n`);
      const raw = await leg.raw();
      const secure = session.secure(raw);
      await once(secure, 'secureConnect');
      await session.wire.until(/150 .*\r\n/);
      await new Promise(resolve => secure.write(Buffer.alloc(100_000), resolve));
      if (cut === 'fin') raw.end();
      else raw.resetAndDestroy();
      expect(await session.wire.until(/\d{3} .*\r\n/), cut).to.match(/^426 /);
      expect(backend.broken, cut).to.include(cut);
    }
    expect([...backend.files.keys()]).to.deep.equal([]);
  });

  it('takes a download for no success that the client has left', async () => {
    const session = await (await client()).protect();
    backend.files.set('a', Buffer.alloc(20_000_000));
    const leg = await session.leg('passive');
    session.wire.say('RETR a\r\n');
    const secure = session.secure(await leg.raw());
    await once(secure, 'data');
    secure.destroy();
    expect(await session.wire.until(/(?<!150 )\b4\d\d .*\r\n/)).to.match(/426 /);
  });

  it('ends a client’s data without close_notify where the upstream breaks off', async () => {
    const session = await (await client()).protect();
    backend.files.set('a', Buffer.alloc(20_000_000));
    const leg = await session.leg('passive');
    session.wire.say('RETR a\r\n');
    const secure = session.secure(await leg.raw());
    await once(secure, 'data');
    backend.legs.at(-1)?.resetAndDestroy();
    secure.resume();
    await once(secure, 'close');
    expect(await session.wire.until(/426 .*\r\n/)).to.match(/426 Data connection broke off/);
  });

  it('gives up at once on a client that leaves in the handshake', async () => {
    const session = await (await client()).protect();
    const leg = await session.leg('passive');
    session.wire.say('STOR a\r\n');
    (await leg.raw()).end();
    expect(await session.wire.until(/522 .*\r\n/)).to.match(/522 Data connection without TLS/);
    expect(backend.files.size).to.equal(0);
  });

  it('answers 522 where the client’s data connection has no TLS', async () => {
    const session = await (await client()).protect();
    const leg = await session.leg('passive');
    session.wire.say('STOR a\r\n');
    const raw = await leg.raw();
    raw.write('this is no ClientHello, and long enough to be looked at');
    expect(await session.wire.until(/522 .*\r\n/)).to.match(/522 Data connection without TLS/);
    expect(backend.files.size).to.equal(0);
  });

  it('has a port for one connection only, from the client’s own address', async () => {
    // Below those that the system hands out.
    const session = await (await client({ dataPorts: { from: 24_100, to: 24_200 } })).protect();
    const leg = await session.leg('passive');
    expect(leg.port).to.be.within(24_100, 24_200);
    const stranger = net.connect({ host: '127.0.0.1', port: leg.port, localAddress: '127.0.0.9' });
    stranger.on('error', () => undefined);
    await new Promise(resolve => stranger.once('close', resolve));
    session.wire.say('STOR a\r\n');
    const secure = session.secure(await leg.raw());
    secure.end('mine');
    expect(await session.wire.until(/226 .*\r\n/)).to.match(/226 stored/);
    expect(backend.files.get('a')?.toString()).to.equal('mine');
    const late = net.connect(leg.port, '127.0.0.1');
    const [error] = await once(late, 'error');
    expect(error).to.have.property('code', 'ECONNREFUSED');
  });

  it('says so where no port of the range is free', async () => {
    const taken = net.createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    const { port } = taken.address() as net.AddressInfo; // of a TCP server
    const session = await (await client({ dataPorts: { from: port, to: port } })).protect();
    session.wire.say('EPSV\r\n');
    expect(await session.wire.until(/\d{3} .*\r\n/)).to.match(/^425 /);
    taken.close();
  });

  it('announces the address of the option', async () => {
    const session = await (await client({ dataAddress: '203.0.113.5' })).protect();
    session.wire.say('PASV\r\n');
    expect(await session.wire.until(/227 .*\r\n/)).to.match(/\(203,0,113,5,\d+,\d+\)/);
  });

  it('answers 425 where the data connection does not come', async () => {
    const session = await (await client({ dataTimeout: 100 })).protect();
    await session.leg('passive');
    session.wire.say('STOR a\r\n');
    expect(await session.wire.until(/425 .*\r\n/)).to.match(/425 Data connection did not come/);
    session.wire.say('NOOP\r\n');
    await session.wire.until(/200 NOOP\r\n/);
  });

  it('aborts', async () => {
    const session = await (await client()).protect();
    backend.files.set('a', Buffer.alloc(20_000_000));
    const leg = await session.leg('passive');
    session.wire.say('RETR a\r\n');
    const secure = session.secure(await leg.raw());
    await once(secure, 'data');
    session.wire.say('ABOR\r\n');
    await session.wire.until(/426 .*\r\n225 .*\r\n/);
    secure.resume();
    if (!secure.closed) await once(secure, 'close');
  });

  it('leaves no socket behind when the session ends in the middle', async () => {
    const session = await (await client()).protect();
    backend.files.set('a', Buffer.alloc(20_000_000));
    const leg = await session.leg('passive');
    session.wire.say('RETR a\r\n');
    const secure = session.secure(await leg.raw());
    await once(secure, 'data');
    const upstreamLeg = backend.legs.at(-1);
    session.wire.destroy();
    secure.resume();
    await Promise.all([once(secure, 'close'), upstreamLeg?.closed || once(upstreamLeg ?? secure, 'close')]);
    const again = await (await client()).protect();
    const waiting = await again.leg('passive');
    again.wire.destroy();
    await proxies.at(-1)?.close({ within: 1000 });
    const late = net.connect(waiting.port, '127.0.0.1');
    expect((await once(late, 'error'))[0]).to.have.property('code', 'ECONNREFUSED');
  });

  it('ends with the protocol’s words: a line too long, an upstream that goes, a shutdown', async () => {
    const first = await (await client()).protect();
    first.wire.say('x'.repeat(9000));
    expect(await first.wire.until(/500 .*\r\n/)).to.match(/Line too long/);
    const second = await (await client()).protect();
    second.wire.say('QUIT\r\n');
    await second.wire.until(/221 bye\r\n/);
    await second.wire.end();
    const third = await (await client()).protect();
    const closed = proxies.at(-1)?.close();
    expect(await third.wire.until(/421 .*\r\n/)).to.match(/Shutting down/);
    third.close();
    await closed;
  });

  it('says 421 when the upstream is killed, in the middle of nothing and of a transfer', async () => {
    for (const busy of [false, true]) {
      const session = await (await client()).protect();
      const proxy = proxies.at(-1);
      const ended = new Promise<SessionEnd>(resolve => proxy?.once('end', resolve));
      backend.files.set('a', Buffer.alloc(20_000_000));
      let secure: tls.TLSSocket | undefined;
      if (busy) {
        const leg = await session.leg('passive');
        session.wire.say('RETR a\r\n');
        secure = session.secure(await leg.raw());
        await once(secure, 'data');
      }
      backend.kill();
      secure?.resume();
      expect(await session.wire.until(/421 .*\r\n/)).to.match(/Upstream closed the connection/);
      await session.wire.end();
      if (secure !== undefined && !secure.closed) await once(secure, 'close');
      session.close();
      expect((await ended).error?.code).to.equal('ERR_UPSTREAM_CLOSED');
    }
  });

  it('lets a transfer come to its end when it is asked to close', async () => {
    const session = await (await client()).protect();
    backend.files.set('a', FILE);
    const leg = await session.leg('passive');
    session.wire.say('RETR a\r\n');
    const secure = session.secure(await leg.raw());
    await once(secure, 'secureConnect');
    const closed = proxies.at(-1)?.close();
    let size = 0;
    for await (const chunk of secure) size += chunk.length;
    expect(size).to.equal(FILE.length);
    expect(await session.wire.until(/421 .*\r\n/)).to.match(/226 sent\r\n421 .*Shutting down/);
    session.close();
    await closed;
  });

  it('has no data connections for an upstream that is spoken to under TLS: they would be in plaintext', async () => {
    const { server: certificate, authority } = await testCertificates();
    const inner = new TlsTerminator({ certificate });
    const upstream = net.createServer(raw => {
      void inner.accept(raw, 10_000).then(secure => {
        secure.write('220 secure\r\n');
        secure.on('data', () => secure.write('200 done\r\n'));
      });
    });
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    const { port } = upstream.address() as net.AddressInfo; // of a TCP server
    const toTls = { mode: 'implicit', ca: authority.cert } as const;
    const session = await (await client({ to: { host: 'localhost', port }, toTls })).protect();
    session.wire.say('EPSV\r\n');
    expect(await session.wire.until(/\d{3} .*\r\n/)).to.equal('425 No data connections here\r\n');
    upstream.close();
  });

  it('shows the certificate of the control connection to a client that tells no name for its data', async () => {
    const { authority } = await testCertificates();
    const names = ['other.example.org'];
    const other = await issueCertificate({ commonName: 'other', days: 2, names }, authority);
    const session = await client({ certificates: [other] });
    await session.protect({ servername: 'other.example.org' });
    const leg = await session.leg('passive');
    session.wire.say('STOR a\r\n');
    const secure = session.secure(await leg.raw(), { resuming: false });
    await once(secure, 'secureConnect');
    expect(secure.getPeerCertificate().subjectaltname).to.equal('DNS:other.example.org');
  });

  it('goes on in plaintext where TLS is optional, data and all', async () => {
    const session = await client({ tls: 'optional' });
    await session.wire.until(/220 .*\r\n/);
    session.wire.say('USER tester\r\n');
    await session.wire.until(/200 USER\r\n/);
    const leg = await session.leg('passive');
    session.wire.say('STOR a\r\n');
    (await leg.raw()).end('plain');
    await session.wire.until(/226 stored\r\n/);
    expect(backend.files.get('a')?.toString()).to.equal('plain');
  });

  it('refuses options that cannot be meant', async () => {
    const { server: certificate } = await testCertificates();
    const proxy = { protocol: ftp, certificate, to: { host: '127.0.0.1', port: 1 } };
    const bad: Partial<ProxyOptions>[] = [
      { dataPorts: { from: 80, to: 90 } },
      { dataPorts: { from: 50_001, to: 50_000 } },
      { dataAddress: '::1' },
      { dataTimeout: 0 },
    ];
    for (const options of bad) {
      const [name = ''] = Object.keys(options);
      expect(() => createProxy({ ...proxy, ...options }), name).to.throw(`Bad option: ${name}`);
    }
  });
});
