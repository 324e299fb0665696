import { Buffer } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import { SallyportError } from '../../src/errors.ts';
import { Admission } from '../../src/net/admission.ts';
import { inMemory, isWithin } from '../../src/net/rate-limit.ts';
import { formOf } from '../support/form.ts';
import { serving, stopServing } from '../support/serving.ts';
import { greeted, underTls } from '../support/speak.ts';
import { SCENE } from '../support/stage.ts';
import { atUpgrade, twinTalk } from '../support/twin.ts';
import type { WireClient } from '../support/wire-client.ts';

/** Ids in streams cannot be guessed. */
const withoutId = (words: string) => words.replace(/ id='[^']*'/, '');

describe('src/net/rate-limit', () => {
  afterEach(stopServing);

  describe('connections a minute', () => {
    for (const protocol of protocols) {
      it(`turns one too many away with the farewell of ${protocol.name}`, async () => {
        const { connect, server, over } = await serving(protocol, { connectionsPerMinute: 1 });
        const first = await greeted(await connect(), protocol);
        const second = await connect();
        await second.end();
        const farewell = protocol.farewell(new SallyportError('ERR_CONNECTION_RATE'), SCENE) ?? '';
        expect(withoutId(second.heard)).to.equal(withoutId(farewell));
        second.destroy();
        expect((await over(1))[0]?.error?.code).to.equal('ERR_CONNECTION_RATE');
        expect(server.connections).to.equal(1);
        first.destroy();
        await over(2);
        expect(server.connections).to.equal(0);
      });
    }

    it('is not said in plaintext where TLS comes first', async () => {
      const { connect, over } = await serving(smtp, { connectionsPerMinute: 1, tls: 'implicit' });
      await (await connect()).startTls();
      const second = await connect();
      await second.end();
      expect(second.heard).to.equal('');
      second.destroy();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_CONNECTION_RATE');
    });
  });

  describe('handshakes a minute', () => {
    for (const protocol of protocols) {
      it(`refuses one handshake too many in the words of ${protocol.name}`, async () => {
        const { connect, over } = await serving(protocol, { handshakesPerMinute: 1 });
        await underTls(await connect(), protocol);
        const refused = await greeted(await connect(), protocol);
        const { upgradeScript } = twinTalk(protocol);
        const expected = atUpgrade(protocol).refuse('ERR_HANDSHAKE_RATE').heard();
        for (const piece of upgradeScript) refused.say(piece);
        const heard = () => withoutId(refused.heard).endsWith(withoutId(expected));
        expect(await refused.hears(heard), refused.heard).to.equal(true);
        refused.destroy();
        expect((await over(1))[0]?.error?.code).to.equal('ERR_HANDSHAKE_RATE');
      });
    }

    it('closes without a word where TLS comes first', async () => {
      for (const tls of ['implicit', 'auto'] as const) {
        const { connect, over } = await serving(smtp, { handshakesPerMinute: 1, tls, detectTimeout: 10_000 });
        await (await connect()).startTls();
        const refused = await connect();
        const failure = await refused.startTls().catch((error: unknown) => error);
        expect(failure).to.have.property('code', 'ECONNRESET');
        expect((await over(1))[0]?.error?.code).to.equal('ERR_HANDSHAKE_RATE');
      }
    });

    it('lets a client that was refused go on, and gives it the replies that were to leave with the go-ahead', async () => {
      const { connect, over } = await serving(smtp, { handshakesPerMinute: 1 });
      await underTls(await connect(), smtp);
      const client = await connect();
      await client.until('ready\r\n');
      client.say('EHLO client.example.org\r\nSTARTTLS\r\n');
      await client.until('250 ENHANCEDSTATUSCODES\r\n454 4.7.0 TLS not available for now\r\n');
      client.say('QUIT\r\n');
      await client.until(/^221 .*\r\n/);
      await client.end();
      client.destroy();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_HANDSHAKE_RATE');
    });
  });

  describe('while a shared limit is asked', () => {
    for (const protocol of protocols) {
      it(`keeps what a client of ${protocol.name} says before it is let in`, async () => {
        const limit = new SlowLimit('connections');
        const { connect } = await serving(protocol, { admission: limit.admission });
        const client = await connect();
        const { upgradeScript } = twinTalk(protocol);
        await limit.asked;
        await sent(client, upgradeScript[0] ?? '');
        limit.answer(true);
        await greeted(client, protocol);
        if (upgradeScript.length > 1) {
          expect(await client.hears(() => client.rest !== ''), 'a reply').to.equal(true);
        }
      });

      it(`hands a ClientHello of ${protocol.name} that comes meanwhile to TLS, where it comes first`, async () => {
        const limit = new SlowLimit('handshakes');
        const { connect } = await serving(protocol, { admission: limit.admission, tls: 'implicit' });
        const { alpn = [] } = protocol;
        const secure = (await connect()).startTls({ ALPNProtocols: [...alpn] });
        await limit.asked;
        await turns();
        limit.answer(true);
        await secure;
      });
    }

    for (const protocol of protocols.filter(each => formOf(each).early)) {
      it(`hands a ClientHello of ${protocol.name} that comes behind the upgrade command to TLS`, async () => {
        const limit = new SlowLimit('handshakes');
        const { connect } = await serving(protocol, { admission: limit.admission });
        const client = await greeted(await connect(), protocol);
        for (const piece of twinTalk(protocol).upgradeScript) client.say(piece);
        await limit.asked;
        // mysql's client waits for nothing; telnet's for our FOLLOWS.
        const { goAhead = '' } = atUpgrade(protocol).upgrade ?? {};
        if (goAhead === '') {
          const secure = client.startTls();
          await turns();
          limit.answer(true);
          await secure;
        } else {
          limit.answer(true);
          await client.until(Buffer.from(goAhead as string, 'latin1').toString('latin1'));
          await client.startTls();
        }
      });
    }

    it('gives no go-ahead to a client that goes on in plaintext', async () => {
      const limit = new SlowLimit('handshakes');
      const { connect, over } = await serving(smtp, { admission: limit.admission });
      const client = await connect();
      await client.until('ready\r\n');
      client.say('STARTTLS\r\n');
      await limit.asked;
      await sent(client, 'NOOP\r\n');
      limit.answer(true);
      await client.end();
      expect(client.rest).to.equal('554 5.5.1 mail.example.org Plaintext behind the upgrade command\r\n');
      client.destroy();
      expect((await over(1))[0]?.error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
    });

    for (const kind of ['connections', 'handshakes'] as const) {
      it(`forgets a client that leaves (${kind})`, async () => {
        const limit = new SlowLimit(kind);
        const { connect, over, server } = await serving(smtp, { admission: limit.admission });
        const client = await connect();
        if (kind === 'handshakes') {
          await client.until('ready\r\n');
          client.say('STARTTLS\r\n');
        }
        await limit.asked;
        client.reset();
        await over(1);
        limit.answer(false);
        await turns();
        expect(server.connections).to.equal(0);
        expect(limit.admission.total).to.equal(0);
      });
    }

    it('says goodbye to a client that is not let in yet when the server closes', async () => {
      const limit = new SlowLimit('connections');
      const { connect, over, server } = await serving(smtp, { admission: limit.admission });
      const client = await connect();
      await limit.asked;
      const closed = server.close();
      limit.answer(true);
      await client.end();
      expect(client.heard).to.equal('421 4.3.2 mail.example.org Shutting down\r\n');
      client.destroy();
      await closed;
      expect((await over(1))[0]?.error?.code).to.equal('ERR_SHUTTING_DOWN');
    });

    for (const [within, words] of [
      [true, '220 2.0.0 Ready to start TLS\r\n'],
      [false, '454 4.7.0 TLS not available for now\r\n421 4.3.2 mail.example.org Shutting down\r\n'],
    ] as const) {
      it(`still ${within ? 'lets' : 'refuses'} an upgrade that was asked for when the server closes`, async () => {
        const limit = new SlowLimit('handshakes');
        const { connect, server } = await serving(smtp, { admission: limit.admission });
        const client = await connect();
        await client.until('ready\r\n');
        client.say('STARTTLS\r\n');
        await limit.asked;
        const closed = server.close();
        limit.answer(within);
        await client.until(words);
        if (within) await client.startTls();
        await client.end();
        client.destroy();
        await closed;
      });
    }
  });

  it('lets everybody in where the limiter itself fails', async () => {
    expect(await isWithin(Promise.reject(new Error('a fault')))).to.equal(true);
    expect(await isWithin(Promise.reject({ consumedPoints: 2 }))).to.equal(false);
  });

  it('counts keys and names apart', async () => {
    const [a, b] = [inMemory.limit('a', 1), inMemory.limit('b', 1)];
    expect(await Promise.all([a.take('x'), a.take('y'), a.take('x'), b.take('x')])).to.deep.equal([
      true,
      true,
      false,
      true,
    ]);
  });
});

/** A limit that answers when it is told to, as one in a database does. */
class SlowLimit {
  readonly admission: Admission;
  readonly asked: Promise<void>;
  answer: (within: boolean) => void = () => undefined;

  constructor(kind: 'connections' | 'handshakes') {
    const answered = new Promise<boolean>(resolve => {
      this.answer = resolve;
    });
    let ask = () => {};
    this.asked = new Promise(resolve => {
      ask = resolve;
    });
    const take = () => {
      ask();
      return answered;
    };
    const limits = kind === 'connections' ? { connectionsPerMinute: 1 } : { handshakesPerMinute: 1 };
    this.admission = new Admission({ maxConnections: 0, ...limits }, { limit: () => ({ take }) });
  }
}

/** Says it, and waits until it must have been read: both ends are in this process, and each turn polls all sockets. */
async function sent(client: WireClient, words: string): Promise<void> {
  await new Promise(resolve => client.socket.write(words, 'latin1', resolve));
  await turns();
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}
