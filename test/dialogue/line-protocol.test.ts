import { expect } from 'chai';
import { defineLineProtocol } from '../../src/dialogue/line-protocol.ts';
import { SallyportError } from '../../src/errors.ts';
import { SCENE, Stage, TLS } from '../support/stage.ts';
import { atUpgrade, twinTalk } from '../support/twin.ts';

const OWN = { name: 'own', port: 7000, greeting: 'OK {hostname} ready' };
const own = defineLineProtocol(OWN);

/** Every reply said otherwise, and a command of two words. */
const german = defineLineProtocol({
  name: 'german',
  port: 7001,
  implicitPort: 7002,
  alpn: ['german'],
  sClientName: 'sieve',
  greeting: 'JA {hostname} bereit',
  upgrade: 'Jetzt geheim',
  goAhead: 'GUT Los',
  refusal: 'NEIN Gerade nicht',
  alreadySecure: 'NEIN Schon geheim',
  badArgument: 'NEIN Nur {upgrade}',
  tlsRequired: 'NEIN Erst {upgrade}',
  unknownCommand: 'NEIN Was?',
  quit: 'ENDE',
  goodbye: 'GUT Auf Wiedersehen',
  hello: 'ZEIT',
  farewell: 'WEG {hostname}: {reason}',
  lineLimit: 64,
  commands: {
    ZEIT: (client, argument) => {
      if (argument === '') client.write('GUT zwoelf\r\n');
      else client.reject('NEIN\r\n');
    },
  },
});

describe('src/dialogue/line-protocol', () => {
  it('makes a protocol of a name, a port and a greeting', () => {
    expect(own).to.include({ name: 'own', port: 7000, speaksFirst: 'server' });
    expect(own).to.not.have.any.keys('implicitPort', 'alpn', 'sClientName');
    const stage = new Stage(own).start().say('GET a\r\n', 'STARTTLS now\r\n', 'starttls\r\n');
    expect(stage.heard()).to.equal(
      'OK mail.example.org ready\r\nERR TLS required, say STARTTLS\r\n' +
        'ERR STARTTLS takes no argument\r\nOK Begin TLS\r\n',
    );
    expect(stage.secure().say('STARTTLS\r\n', 'GET a\r\n', 'QUIT\r\n').heard()).to.equal(
      'ERR TLS is already on\r\nERR Unknown command\r\nERR Unknown command\r\n',
    );
  });

  it('says each reply in the words it was given', () => {
    const { name, port, implicitPort, alpn, sClientName } = german;
    expect({ name, port, implicitPort, alpn, sClientName }).to.deep.equal({
      name: 'german',
      port: 7001,
      implicitPort: 7002,
      alpn: ['german'],
      sClientName: 'sieve',
    });
    const stage = new Stage(german).start();
    stage.say('xyzzy\r\n', 'zeit\r\n', 'ZEIT jetzt\r\n', 'jetzt geheim bitte\r\n', 'JETZT GEHEIM\r\n');
    expect(stage.heard()).to.equal(
      'JA mail.example.org bereit\r\nNEIN Erst Jetzt geheim\r\nGUT zwoelf\r\nNEIN\r\n' +
        'NEIN Nur Jetzt geheim\r\nGUT Los\r\n',
    );
    stage.secure().say('jetzt geheim\r\n', 'xyzzy\r\n', 'ende\r\n');
    expect(stage.heard()).to.equal('NEIN Schon geheim\r\nNEIN Was?\r\nGUT Auf Wiedersehen\r\n');
    expect(stage.close).to.deep.equal({ kind: 'close', error: undefined });
    expect(new Stage(german, { available: () => false }).start().say('jetzt geheim\n').heard()).to.contain(
      'NEIN Gerade nicht\r\n',
    );
  });

  it('says its farewell with the reason, and none to a peer that is gone', () => {
    expect(german.farewell(new SallyportError('ERR_SHUTTING_DOWN', 'a detail'), SCENE)).to.equal(
      'WEG mail.example.org: Shutting down\r\n',
    );
    expect(german.farewell(new SallyportError('ERR_PEER_CLOSED'), SCENE)).to.equal(undefined);
    expect(german.farewell(new SallyportError('ERR_CLIENT_HELLO'), SCENE)).to.equal(undefined);
    const long = new Stage(german).start().say('x'.repeat(64));
    expect(long.heard()).to.contain('WEG mail.example.org: Line too long\r\n');
  });

  it('lets the client speak first where there is no greeting', () => {
    const { greeting: _, ...silent } = OWN;
    const protocol = defineLineProtocol(silent);
    expect(protocol.speaksFirst).to.equal('client');
    expect(new Stage(protocol).start().heard()).to.equal('');
    expect(twinTalk(protocol).probe.handOver).to.not.equal(undefined);
  });

  it('gives no go-ahead with plaintext behind the command, nor runs it', () => {
    const stage = new Stage(own).start();
    stage.heard();
    stage.say('STARTTLS\r\nGET a\r\n');
    expect(stage.heard()).to.equal('ERR Plaintext behind the upgrade command\r\n');
    expect(stage.close?.error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
  });

  it('gives the stream to the application: under TLS at once, in plaintext with the first command', () => {
    expect(atUpgrade(own, { application: true }).secure().handOver?.unread.length).to.equal(0);
    const implicit = new Stage(own, { application: true }).start(TLS);
    expect(implicit.heard()).to.equal('OK mail.example.org ready\r\n');
    expect(implicit.handOver).to.not.equal(undefined);
    const plain = new Stage(german, { application: true, policy: 'optional' }).start().say('ZEIT\nA');
    expect(Buffer.from(plain.handOver?.unread ?? []).toString()).to.equal('ZEIT\r\nA');
  });

  it('upgrades when its probe talks to its server', () => {
    for (const protocol of [own, german]) {
      const { server, probe, secureScript } = twinTalk(protocol);
      expect(server.close, protocol.name).to.equal(undefined);
      expect(probe.handOver, protocol.name).to.not.equal(undefined);
      expect(secureScript).to.deep.equal(protocol === german ? ['ZEIT\r\n'] : []);
    }
  });

  it('tells by its probe what went wrong', () => {
    const probe = (protocol: typeof own, ...said: string[]) =>
      new Stage(protocol, { role: 'probe' }).start().say(...said).close?.error?.code;
    expect(probe(own, 'ERR go away\r\n')).to.equal('ERR_UNEXPECTED_REPLY');
    expect(probe(own, 'OK a\r\n', 'ERR no\r\n')).to.equal('ERR_TLS_REFUSED');
    expect(probe(own, 'OK a\r\n', 'OKAY\r\n')).to.equal('ERR_TLS_REFUSED');
    expect(probe(own, 'OK a\r\n', 'OK\r\nOK\r\n')).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
    const secure = new Stage(german, { role: 'probe' }).start().say('JA\r\n', 'GUT\r\n').secure();
    expect(secure.say('NEIN\r\n').close?.error?.code).to.equal('ERR_UNEXPECTED_REPLY');
  });

  it('takes an option that is undefined for its default', () => {
    const options = { ...OWN, goAhead: undefined } as unknown as typeof OWN; // as JavaScript may call it
    expect(new Stage(defineLineProtocol(options)).start().say('STARTTLS\n').heard()).to.contain(
      'OK Begin TLS',
    );
  });

  for (const [field, value] of [
    ['name', ''],
    ['greeting', 'OK\r\nERR'],
    ['upgrade', 'START\nTLS'],
    ['goAhead', 'OK\0'],
    ['refusal', 'Nein, gerade nicht möglich'],
    ['farewell', 'ERR\r'],
    ['alpn', ['own', '\n']],
    ['port', 0],
    ['port', 1.5],
    ['implicitPort', 65_536],
    ['lineLimit', 10],
  ] as const) {
    it(`refuses ${field} ${JSON.stringify(value)}`, () => {
      expect(() => defineLineProtocol({ ...OWN, [field]: value }))
        .to.throw(SallyportError, field)
        .with.property('code', 'ERR_OPTION');
    });
  }
});
