import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import { testCertificates } from '../support/certificates.ts';
import { LONG, scaled } from '../support/scale.ts';
import { serving, stopServing } from '../support/serving.ts';
import { atGoAhead, greeted, inParallel, underTls } from '../support/speak.ts';
import { twinTalk } from '../support/twin.ts';
import type { WireClient } from '../support/wire-client.ts';

const GO_AHEAD = '220 2.0.0 Ready to start TLS\r\n';

describe('src/net/driver', () => {
  afterEach(stopServing);

  describe('segments', () => {
    it('sends all replies to one segment, the go-ahead included, as one', async () => {
      const { connect } = await serving(smtp);
      const client = await connect();
      await client.until('ready\r\n');
      const segments: string[] = [];
      client.socket.on('data', data => segments.push(data.toString('latin1')));
      client.say('EHLO a\r\nNOOP\r\nSTARTTLS\r\n');
      await client.until(GO_AHEAD);
      expect(segments.length).to.equal(1);
      await client.startTls();
      segments.length = 0;
      client.socket.on('data', data => segments.push(data.toString('latin1')));
      client.say('NOOP\r\n'.repeat(50));
      await client.until(/(250 2\.0\.0 OK\r\n){50}/);
      expect(segments.length).to.equal(1);
    });

    it(`loses, doubles and reorders nothing however lines are cut: ${scaled(10_000)} upgrades of 80 lines`, async function () {
      this.timeout(LONG ? 600_000 : 60_000);
      const { connect } = await serving(smtp, { maxPerAddress: 0 }, async session => {
        let count = 0;
        for await (const line of session.lines()) {
          if (line !== `line ${count}`) return session.writeLine(`ERR ${line} at ${count}`);
          count += 1;
          await session.writeLine(`OK ${line}`);
        }
      });
      const lines = Array.from({ length: 80 }, (_, index) => `line ${index}\r\n`).join('');
      const replies = lines.replaceAll('line', 'OK line');
      await inParallel(scaled(10_000), 20, async () => {
        const client = await underTls(await connect(), smtp);
        for (let at = 0; at < lines.length; ) {
          const size = 1 + Math.floor(Math.random() * 12);
          client.say(lines.slice(at, at + size));
          at += size;
        }
        await client.until('OK line 79\r\n', 20_000);
        expect(client.heard.slice(client.heard.indexOf('OK line 0'))).to.equal(replies);
        client.destroy();
      });
    });
  });

  describe('deadlines', () => {
    const grace = 500;
    const limits = { dialogueTimeout: 800, commandTimeout: 400, handshakeTimeout: 400, idleTimeout: 400 };

    /** Runs many clients at once, each until it is closed, and checks when that was. */
    async function closedAfter(
      milliseconds: number,
      code: string,
      act: (client: WireClient) => Promise<unknown>,
    ) {
      const { connect, over } = await serving(smtp, { ...limits, maxPerAddress: 0 });
      const count = LONG ? 100 : 25;
      await inParallel(count, count, async () => {
        const client = await connect();
        const begun = await act(client);
        const since = typeof begun === 'number' ? begun : performance.now();
        await client.end();
        expect(performance.now() - since).to.be.within(milliseconds - 50, milliseconds + grace);
        client.destroy();
      });
      for (const { error } of await over(count)) expect(error?.code).to.equal(code);
    }

    it('ends a client that says nothing', () =>
      closedAfter(limits.commandTimeout, 'ERR_COMMAND_TIMEOUT', client => client.until('ready\r\n')));

    it('ends a client whose line dribbles in', () =>
      closedAfter(limits.commandTimeout, 'ERR_COMMAND_TIMEOUT', async client => {
        await client.until('ready\r\n');
        const timer = setInterval(() => client.say('x'), 100);
        client.socket.once('close', () => clearInterval(timer));
      }));

    it('ends a client that says NOOP for ever', () =>
      closedAfter(limits.dialogueTimeout, 'ERR_DIALOGUE_TIMEOUT', async client => {
        await client.until('ready\r\n');
        const timer = setInterval(() => client.say('NOOP\r\n'), 100);
        client.socket.once('close', () => clearInterval(timer));
      }));

    it('ends a client that never begins its handshake', () =>
      closedAfter(limits.handshakeTimeout, 'ERR_HANDSHAKE_TIMEOUT', async client => {
        await client.until('ready\r\n');
        client.say('STARTTLS\r\n');
        await client.until(GO_AHEAD);
      }));

    it('ends a client whose handshake dribbles', () =>
      closedAfter(limits.handshakeTimeout, 'ERR_HANDSHAKE_TIMEOUT', async client => {
        await client.until('ready\r\n');
        client.say('STARTTLS\r\n');
        await client.until(GO_AHEAD);
        client.say('\x16\x03\x01\x02\x00');
        const timer = setInterval(() => client.say('\x01'), 100);
        client.socket.once('close', () => clearInterval(timer));
      }));

    it('ends a client that is idle under TLS, with a farewell', async () => {
      await closedAfter(limits.idleTimeout, 'ERR_IDLE_TIMEOUT', async client => {
        await underTls(client, smtp);
        client.socket.once('end', () =>
          expect(client.rest).to.match(/^421 4\.4\.2 .* Idle for too long\r\n$/),
        );
      });
    });

    it('ends an application that is idle', async () => {
      const { connect, over } = await serving(smtp, limits, async session => {
        for await (const line of session.lines()) await session.writeLine(line);
      });
      const client = await underTls(await connect(), smtp);
      client.say('hello\r\n');
      await client.until('hello\r\n');
      await client.end();
      client.destroy();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_IDLE_TIMEOUT');
    });

    it('leaves alone a client that keeps to them', async () => {
      const { connect } = await serving(smtp, limits);
      const client = await underTls(await connect(), smtp);
      for (let count = 0; count < 8; count++) {
        client.say('NOOP\r\n');
        await client.until('250 2.0.0 OK\r\n');
        await new Promise(resolve => setTimeout(resolve, 150));
      }
      expect(client.ended).to.equal(false);
    });
  });

  it('tells why a handshake failed, also where the socket is closed before that is known', async () => {
    const { authority, strangerClient } = await testCertificates();
    const { connect, over } = await serving(smtp, { ca: authority.cert, clientCertificate: 'require' });
    const stranger = await atGoAhead(await connect(), smtp);
    await stranger.startTls(strangerClient).catch(() => undefined);
    await stranger.end();
    (await atGoAhead(await connect(), smtp)).destroy();
    const codes = (await over(2)).map(({ error }) => error?.code);
    expect(codes).to.deep.equal(['ERR_HANDSHAKE_CERTIFICATE', 'ERR_HANDSHAKE_PEER_GONE']);
  });

  describe('floods', () => {
    it('reads no more of a line without end than its limit and one read', async () => {
      const offered = LONG ? 2 ** 30 : 2 ** 26;
      const { connect, over } = await serving(smtp);
      const client = await connect();
      const chunk = Buffer.alloc(65_536, 'A');
      for (let sent = 0; sent < offered && !client.closed; sent += chunk.length) {
        if (!client.socket.write(chunk)) await Promise.race([drained(client), over(1)]);
      }
      const [end] = await over(1);
      expect(end?.error?.code).to.equal('ERR_LINE_TOO_LONG');
      // The first read, and the little that is dropped so that a farewell may arrive.
      expect(end?.bytesIn).to.be.lessThan(4 * 65_536);
    });

    it('reads no more from a client that never reads, and ends it', async () => {
      const { connect, over, ends } = await serving(smtp, { commandTimeout: 1000 });
      const ended = () => ends.length > 0;
      const client = await connect();
      client.socket.pause();
      const noops = Buffer.from('NOOP\r\n'.repeat(10_000));
      let sent = 0;
      for (let count = 0; count < 1000 && !client.closed; count++) {
        sent += noops.length;
        if (!client.socket.write(noops)) {
          await Promise.race([drained(client), over(1)]);
          if (ended()) break;
        }
      }
      const [end] = await over(1);
      client.destroy();
      expect(end?.error?.code).to.equal('ERR_COMMAND_TIMEOUT');
      // What the kernel's buffers take is not ours to limit; what we hold is one read and its replies.
      expect(end?.bytesOut).to.be.lessThan(16 * 2 ** 20);
      expect(end?.bytesIn).to.be.lessThan(sent);
    });
  });

  describe('resets', () => {
    for (const protocol of protocols) {
      it(`survives a RST at each step of ${protocol.name}`, async function () {
        this.timeout(60_000);
        const { upgradeScript } = twinTalk(protocol);
        const { connect, server, over } = await serving(protocol, { maxPerAddress: 0 });
        const times = LONG ? 100 : 5;
        const steps: ((client: WireClient) => unknown)[] = [
          () => {},
          client => greeted(client, protocol),
          async client => (await greeted(client, protocol)).say((upgradeScript[0] ?? '').slice(0, 3)),
          async client => (await greeted(client, protocol)).say(upgradeScript[0] ?? ''),
          async client => (await greeted(client, protocol)).say(`${upgradeScript[0]}`.repeat(20)),
          async client => (await greeted(client, protocol)).say(upgradeScript.join('')),
          client => atGoAhead(client, protocol),
          async client => (await atGoAhead(client, protocol)).say('\x16\x03\x01\x02\x00\x01'),
          async client => (await atGoAhead(client, protocol)).say('garbage'),
          client => underTls(client, protocol),
          async client => (await underTls(client, protocol)).say('NOO'),
          async client => (await underTls(client, protocol)).say('NOOP\r\n'.repeat(20)),
        ];
        await inParallel(times * steps.length, 20, async index => {
          const client = await connect();
          await steps[index % steps.length]?.(client);
          client.reset();
        });
        await over(times * steps.length);
        expect(server.connections).to.equal(0);
      });
    }
  });

  it('tells an application what TLS negotiated, and leaves it no byte of plaintext', async () => {
    const { authority } = await testCertificates();
    const { connect } = await serving(smtp, {}, async ({ tls, introduction, writeLine: _, ...session }) => {
      session.stream.end(`${JSON.stringify({ tls, introduction, peer: session.peer.address })}\r\n`);
    });
    const client = await connect();
    await client.until('ready\r\n');
    client.say('EHLO evil\r\nSTARTTLS\r\n');
    await client.until(GO_AHEAD);
    await client.startTls({ ca: authority.cert });
    const told = JSON.parse(await client.until(/\{.*\}/));
    expect(told.tls).to.deep.include({ version: 'TLSv1.3', servername: 'localhost', resumed: false });
    expect(told).to.not.have.property('introduction');
    expect(told.peer).to.equal('127.0.0.1');
  });
});

/** Like `once(socket, 'drain')`, which would reject at a reset. */
function drained({ socket }: WireClient): Promise<void> {
  return new Promise(resolve => socket.once('drain', resolve));
}
