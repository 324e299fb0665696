import { expect } from 'chai';
import { protocols } from '../protocol/index.ts';
import { smtp } from '../protocol/smtp.ts';
import { SallyportError } from '../src/errors.ts';
import type { Session } from '../src/net/session.ts';
import { createServer, Server } from '../src/server.ts';
import { testCertificates } from './support/certificates.ts';
import { RememberingLog } from './support/remembering-log.ts';
import { serving, stopServing } from './support/serving.ts';
import { atGoAhead, greeted, underTls } from './support/speak.ts';

describe('src/server', () => {
  afterEach(stopServing);

  describe('hands over', () => {
    for (const protocol of protocols) {
      it(`every session of ${protocol.name} after its upgrade, and goes on line by line`, async () => {
        const { connect } = await serving(protocol, {}, async session => {
          for await (const line of session.lines()) {
            if (line === 'end') return;
            await session.writeLine(`echo ${line}`);
          }
        });
        const client = await underTls(await connect(), protocol);
        client.say('one\r\ntw').say('o\nend\r\nnever');
        await client.until('echo one\r\necho two\r\n');
        await client.end();
        expect(client.rest).to.equal('');
        client.destroy();
      });

      it(`every session of ${protocol.name} with TLS from the first byte, where it has a port for it`, async () => {
        const { connect } = await serving(protocol, { tls: 'implicit' }, session =>
          session.writeLine('here'),
        );
        const client = await connect();
        await client.startTls(protocol.alpn === undefined ? {} : { ALPNProtocols: [...protocol.alpn] });
        await client.until('here\r\n');
        client.destroy();
      });
    }

    it('in plaintext, what is unread first, where TLS is optional', async () => {
      const { connect } = await serving(smtp, { tls: 'optional' }, async session => {
        await session.writeLine(`${session.introduction} ${session.tls === undefined}`);
        for await (const line of session.lines()) await session.writeLine(line);
      });
      const client = await connect();
      client.say('EHLO a\r\nMAIL FROM:<>\r\nRCPT').say(' TO:<a>\r\n');
      await client.until('EHLO a true\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\n');
      client.destroy();
    });

    it('to nobody in plaintext where it is required', async () => {
      let sessions = 0;
      const { connect, over } = await serving(smtp, {}, () => {
        sessions += 1;
      });
      const client = await connect();
      client.say('EHLO a\r\nMAIL FROM:<>\r\nQUIT\r\n');
      await client.end();
      expect(client.heard).to.contain('530 5.7.0');
      client.destroy();
      await over(1);
      expect(sessions).to.equal(0);
    });
  });

  describe('an application', () => {
    it('may keep the stream, and return nothing', async () => {
      const { connect } = await serving(smtp, {}, session => {
        session.stream.on('data', data => session.stream.write(data));
      });
      const client = await underTls(await connect(), smtp);
      client.say('hello');
      await client.until('hello');
      client.destroy();
    });

    it('that fails has its session ended with a farewell, and is logged with its error', async () => {
      const log = new RememberingLog();
      const { connect, over } = await serving(smtp, { log }, async () => {
        throw new Error('no good');
      });
      const client = await underTls(await connect(), smtp);
      await client.until('421 4.7.0 mail.example.org Application failed\r\n');
      await client.end();
      client.destroy();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_APPLICATION');
      const [line] = log.lines;
      expect(line).to.deep.include({ level: 'error', message: 'session ended' });
      expect(String(line?.fields['err'])).to.contain('no good');
    });

    it('that throws at once is no different', async () => {
      const { connect, over } = await serving(smtp, {}, () => {
        throw new Error('no good');
      });
      await underTls(await connect(), smtp);
      expect((await over(1))[0]?.error?.code).to.equal('ERR_APPLICATION');
    });

    it('is not blamed for what a peer does', async () => {
      const { connect, over } = await serving(smtp, {}, async session => {
        for await (const _ of session.lines({ limit: 10 }));
      });
      const long = await underTls(await connect(), smtp);
      long.say('more than ten bytes\r\n');
      await long.end();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_LINE_TOO_LONG');
      const gone = await underTls(await connect(), smtp);
      gone.reset();
      expect((await over(2))[1]?.error?.blame).to.not.equal('caller');
    });

    it('is held back while the client does not read', async () => {
      const lines = 4000;
      let written = 0;
      const { connect } = await serving(smtp, {}, async session => {
        for (; written < lines; written++) await session.writeLine('x'.repeat(9998));
      });
      const client = await underTls(await connect(), smtp);
      const before = client.heard.length;
      client.socket.pause();
      await new Promise(resolve => setTimeout(resolve, 300));
      expect(written).to.be.lessThan(lines / 2, 'what the kernel takes, and no more');
      client.socket.resume();
      await client.end(10_000);
      expect(client.heard.length - before).to.equal(lines * 10_000);
      client.destroy();
    });
  });

  describe('a session', () => {
    it('can be left in the midst of its lines, and read on', async () => {
      const { connect } = await serving(smtp, {}, async (session: Session) => {
        for await (const line of session.lines()) {
          await session.writeLine(`first ${line}`);
          break;
        }
        for await (const line of session.lines()) await session.writeLine(`then ${line}`);
      });
      const client = await underTls(await connect(), smtp);
      client.say('one\r\ntwo\r\nthr').say('ee\r\n');
      await client.until('first one\r\nthen two\r\nthen three\r\n');
      client.destroy();
    });

    it('hears the end of the client, and may still answer', async () => {
      const { connect, over } = await serving(smtp, {}, async session => {
        let count = 0;
        for await (const _ of session.lines()) count += 1;
        await session.writeLine(`${count} lines`);
      });
      const client = await underTls(await connect(), smtp);
      client.say('one\r\ntwo\r\nnot a line');
      client.socket.end();
      await client.until('2 lines\r\n');
      client.destroy();
      expect((await over(1))[0]?.error).to.equal(undefined);
    });
  });

  describe('tells', () => {
    it('of each handshake and each end, with the same session', async () => {
      const { connect, server, over } = await serving(smtp);
      const secure: string[] = [];
      server.on('secure', (session, { version }) => secure.push(session, version));
      const client = await underTls(await connect(), smtp);
      client.say('QUIT\r\n');
      await client.end();
      client.destroy();
      const [end] = await over(1);
      expect(secure).to.deep.equal([end?.session, 'TLSv1.3']);
      expect(end).to.deep.include({ protocol: 'smtp', error: undefined });
      expect(end?.remote.address).to.equal('127.0.0.1');
      expect(end?.bytesIn).to.be.greaterThan(300);
      expect(end?.bytesOut).to.be.greaterThan(600);
      expect(end?.duration).to.be.within(0, 5000);
      expect(end?.tls?.version).to.equal('TLSv1.3');
    });

    it('where it listens', async () => {
      const { server: certificate } = await testCertificates();
      const server = createServer({ protocol: smtp, certificate });
      const told: number[] = [];
      server.on('listening', ({ port }) => told.push(port));
      expect(server.address).to.equal(undefined);
      const { port } = await server.listen({ port: 0 });
      expect(told).to.deep.equal([port]);
      expect(server.address?.port).to.equal(port);
      expect(server.protocol).to.equal(smtp);
      await server.close();
    });

    it('one line to the log for each session', async () => {
      const log = new RememberingLog();
      const { connect, over } = await serving(smtp, { log, handshakeTimeout: 100 });
      (await atGoAhead(await connect(), smtp)).say('\x16\x03\x01');
      (await greeted(await connect(), smtp)).socket.end();
      await over(2);
      expect(log.lines.map(({ level, message }) => [level, message])).to.deep.equal([
        ['info', 'session ended'],
        ['info', 'session ended'],
      ]);
      const codes = log.lines.map(({ fields }) => fields['code']);
      expect(codes).to.have.members(['ERR_HANDSHAKE_TIMEOUT', 'ERR_PEER_CLOSED']);
    });
  });

  it('refuses at once what cannot be meant', async () => {
    const { server: certificate } = await testCertificates();
    expect(() => new Server({ protocol: smtp, certificate, badCommands: -1 })).to.throw(
      SallyportError,
      'badCommands',
    );
    const wrong = { cert: certificate.cert, key: 'no key' };
    expect(() => new Server({ protocol: smtp, certificate: wrong })).to.throw(
      SallyportError,
      'Bad certificate',
    );
  });

  it('asks each time whether TLS can be had', async () => {
    let available = true;
    const { connect } = await serving(smtp, { available: () => available });
    const client = await connect();
    client.say('EHLO a\r\n');
    await client.until('STARTTLS');
    available = false;
    client.say('STARTTLS\r\n');
    await client.until('454 4.7.0');
    client.destroy();
  });
});
