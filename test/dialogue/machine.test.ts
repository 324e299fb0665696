import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { Machine } from '../../src/dialogue/machine.ts';
import type { Dialogue, Peer } from '../../src/dialogue/peer.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { SallyportError } from '../../src/errors.ts';
import { SCENE, Stage, TLS } from '../support/stage.ts';

/** A protocol that is nothing but the given dialogue. */
function protocolOf(server: (client: Peer) => Dialogue): Protocol {
  return {
    name: 'test',
    port: 1,
    speaksFirst: 'server',
    specifications: [],
    server,
    proxy: server,
    probe: server,
    farewell: ({ code }) => `bye ${code}\r\n`,
  };
}

describe('src/dialogue/machine', () => {
  it('joins all that is written before a wait, text and bytes, into one write', () => {
    const stage = new Stage(
      protocolOf(function* (client) {
        client.write('a\xff');
        client.write(Uint8Array.of(0, 1));
        yield* client.line();
        return 'close';
      }),
    ).start();
    expect(stage.writes).to.deep.equal(['a\xff\0\x01']);
  });

  it('refuses a hand-over in plaintext where TLS is required, whatever a protocol file forgets', () => {
    const careless = protocolOf(function* (client) {
      yield* client.line();
      return 'handOver';
    });
    const required = new Stage(careless, { policy: 'required' }).start().say('hello\r\nmore');
    expect(required.close?.error?.code).to.equal('ERR_TLS_REQUIRED');
    expect(required.handOver).to.equal(undefined);
    const optional = new Stage(careless, { policy: 'optional' }).start().say('hello\r\nmore');
    expect(Buffer.from(optional.handOver?.unread ?? []).toString()).to.equal('more');
    const secure = new Stage(careless, { policy: 'required' }).start(TLS).say('hello\r\n');
    expect(secure.handOver).to.not.equal(undefined);
  });

  it('catches a dialogue that forgot to wait for its upgrade', () => {
    const stage = new Stage(
      protocolOf(function* (client) {
        client.startTls('go ahead\r\n');
        yield* client.line();
        return 'handOver';
      }),
    )
      .start()
      .say('secret\r\n');
    expect(stage.handOver).to.equal(undefined);
    expect(stage.close?.error?.code).to.equal('ERR_TLS_REQUIRED');
  });

  it('gives the early bytes to TLS where the protocol lets them come', () => {
    const stage = new Stage(
      protocolOf(function* (client) {
        yield* client.bytes(3);
        return yield* client.startTls('', { early: true });
      }),
    )
      .start()
      .say('abc\x16\x03\x01');
    expect(Buffer.from(stage.upgrade?.early ?? []).toString('latin1')).to.equal('\x16\x03\x01');
    expect(stage.writes).to.deep.equal([]);
  });

  it('begins a new dialogue with a new peer under TLS', () => {
    const peers: Peer[] = [];
    const stage = new Stage(
      protocolOf(function* (client) {
        peers.push(client);
        expect(client.introduction).to.equal(undefined);
        client.introduction = 'hello';
        yield* client.line();
        if (!client.secure) return yield* client.startTls('go\r\n');
        return 'close';
      }),
    ).start();
    stage.say('up\r\n').secure().say('x\r\n');
    expect(peers.map(({ secure, upgraded }) => [secure, upgraded])).to.deep.equal([
      [false, false],
      [true, true],
    ]);
    expect(stage.close?.error).to.equal(undefined);
  });

  it('says a farewell for every error, and an internal one for a bug', () => {
    const stage = new Stage(
      protocolOf(function* (client) {
        yield* client.line();
        throw new TypeError('a bug');
      }),
    ).start();
    stage.say('x\r\n');
    expect(stage.heard()).to.equal('bye ERR_INTERNAL\r\n');
    expect(stage.close?.error?.cause).to.be.an.instanceOf(TypeError);
  });

  it('does nothing before it is started, while TLS begins, and after it is over', () => {
    const machine = new Machine({
      protocol: protocolOf(function* (client) {
        yield* client.line();
        return yield* client.startTls('go\r\n');
      }),
      role: 'server',
      scene: SCENE,
      badCommands: 10,
      plaintextAfterUpgrade: 'refuse',
    });
    const bytes = Buffer.from('x\r\n');
    expect(machine.receive(bytes)).to.deep.equal([]);
    expect(machine.secured(TLS)).to.deep.equal([]);
    machine.start();
    expect(machine.receive(bytes).map(({ kind }) => kind)).to.deep.equal(['upgrade']);
    expect(machine.receive(bytes)).to.deep.equal([]);
    expect(machine.ended()).to.deep.equal([]);
    machine.fail(new SallyportError('ERR_HANDSHAKE_TIMEOUT'));
    expect(machine.fail(new SallyportError('ERR_HANDSHAKE_TIMEOUT'))).to.deep.equal([]);
    expect(machine.secured(TLS)).to.deep.equal([]);
  });

  it('counts what the dialogue consumed, which grows with whole lines only', () => {
    const stage = new Stage(
      protocolOf(function* (client) {
        for (;;) yield* client.line();
      }),
    ).start();
    stage.say('abc');
    expect(stage.machine.consumed).to.equal(0);
    stage.say('\r\nde');
    expect(stage.machine.consumed).to.equal(5);
  });

  it('reads tokens and bytes as well as lines, and puts back what was too much', () => {
    const read: string[] = [];
    const stage = new Stage(
      protocolOf(function* (client) {
        read.push(yield* client.through('>', 100));
        read.push(Buffer.from(yield* client.bytes(2)).toString());
        client.unread('xyz');
        client.unread(Uint8Array.of(0x77));
        return 'handOver';
      }),
      { policy: 'optional' },
    ).start();
    stage.dribble('<a>12');
    expect(read).to.deep.equal(['<a>', '12']);
    expect(Buffer.from(stage.handOver?.unread ?? []).toString()).to.equal('wxyz');
  });

  it('reads first under TLS what was carried over the upgrade, once, and nothing else of the plaintext', () => {
    const read: string[] = [];
    const carrying = protocolOf(function* (client) {
      for (;;) {
        const line = yield* client.line();
        read.push(`${client.secure ? 'TLS' : 'plain'}: ${line}`);
        if (line === 'again') yield* client.startTls('go\r\n', { carry: 'once\r\n' });
      }
    });
    const discarding = new Stage(carrying, { plaintextAfterUpgrade: 'discard' }).start();
    discarding.say('first\r\nagain\r\nlater\r\n').secure().say('second\r\n');
    expect(read).to.deep.equal(['plain: first', 'plain: again', 'TLS: once', 'TLS: second']);
  });

  describe('as a proxy', () => {
    /** Says its own greeting, has the upstream answer lines, and hands over at BYE. */
    function* converse(client: Peer, upstream: Peer): Dialogue {
      if (!client.upgraded) client.write('hello\r\n');
      for (;;) {
        const line = yield* client.line();
        if (line === 'TLS') yield* client.startTls('go ahead\r\n');
        if (line === 'BYE') return 'handOver';
        upstream.write(`${line}\r\n`);
        client.write(`${yield* upstream.line()}\r\n`);
      }
    }
    const gate: Protocol = {
      ...protocolOf(client => converse(client, client)),
      proxy: converse,
    };
    const proxy = (policy: 'required' | 'optional') => new Stage(gate, { role: 'proxy', policy });

    it('dials when the upstream is first needed, and sends what was held back', () => {
      const stage = proxy('optional').start();
      expect(stage.dials).to.equal(0);
      stage.say('one\r\ntwo\r\n');
      expect(stage.dials).to.equal(1);
      expect(stage.forwarded()).to.equal('');
      expect(stage.connect().forwarded()).to.equal('one\r\n');
      expect(stage.answer('1', '\r\n').heard()).to.equal('hello\r\n1\r\n');
      expect(stage.forwarded()).to.equal('two\r\n');
    });

    it('dials nothing in plaintext where TLS is required', () => {
      for (const line of ['one\r\n', 'BYE\r\n']) {
        const stage = proxy('required').start().say(line);
        expect(stage.dials).to.equal(0);
        expect(stage.close?.error?.code).to.equal('ERR_TLS_REQUIRED');
      }
      expect(proxy('required').start(TLS).say('one\r\n').dials).to.equal(1);
    });

    it('hangs up at the upgrade, and dials anew under TLS', () => {
      const stage = proxy('optional').start().say('one\r\n').connect().answer('1\r\nleft over');
      stage.say('TLS\r\n');
      expect(stage.hangUps).to.equal(1);
      stage.forwarded();
      stage.secure().say('two\r\n');
      expect(stage.dials).to.equal(2);
      expect(stage.connect().answer('2\r\n').heard()).to.equal('hello\r\n1\r\ngo ahead\r\n2\r\n');
    });

    it('hands over what either side has said and nobody has read', () => {
      const stage = proxy('optional').start().say('one\r\n').connect().answer('1\r\nmore').say('BYE\r\nand');
      expect(Buffer.from(stage.handOver?.unread ?? []).toString()).to.equal('and');
      expect(Buffer.from(stage.handOver?.answer ?? []).toString()).to.equal('more');
    });

    it('dials for a hand-over, too', () => {
      const stage = proxy('optional').start().say('BYE\r\n');
      expect([stage.dials, stage.handOver]).to.deep.equal([1, undefined]);
      expect(stage.connect().handOver).to.not.equal(undefined);
    });

    it('ends when the upstream ends, whoever is waited for', () => {
      const waiting = proxy('optional').start().say('one\r\n').connect();
      expect(waiting.endUpstream().close?.error?.code).to.equal('ERR_UPSTREAM_CLOSED');
      const answered = proxy('optional').start().say('one\r\n').connect().answer('1\r\n');
      expect(answered.endUpstream().close?.error?.code).to.equal('ERR_UPSTREAM_CLOSED');
      expect(answered.heard()).to.match(/bye ERR_UPSTREAM_CLOSED\r\n$/);
    });

    it('blames the upstream for what the upstream says', () => {
      const stage = proxy('optional').start().say('one\r\n').connect().answer('1\r1\r\n');
      expect(stage.close?.error?.code).to.equal('ERR_UPSTREAM_REPLY');
    });
  });
});
