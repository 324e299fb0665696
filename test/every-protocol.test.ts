import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { protocols } from '../protocol/index.ts';
import type { Protocol } from '../src/dialogue/protocol.ts';
import { type ErrorCode, errorTable, SallyportError } from '../src/errors.ts';
import { formOf } from './support/form.ts';
import { SCENE, Stage, type StageOptions, TLS } from './support/stage.ts';
import { grouped, transcriptsOf } from './support/transcript.ts';
import { atUpgrade, twinTalk } from './support/twin.ts';

const RUNS = process.env['SALLYPORT_LONG'] === undefined ? 200 : 10_000;

/** How many bytes past its limit a dialogue may hold: one read of the socket. */
const ONE_READ = 65_536;

const MiB = 2 ** 20;

/** Behind the upgrade command: a line, several, a part of one, blanks, a lone CR, TLS, and what UTF-8 forbids. */
const INJECTIONS = [
  'NOOP\r\n',
  'NOOP\nQUIT\r\n',
  'NO',
  ' ',
  '\r',
  '\r\n',
  '\x16\x03\x01\x02\x00\x01',
  '\xff\xc0',
  '\0',
];

/** What a parser might look for again and again. */
const PADDINGS = [' ', '=', '"', '(', '<a ', 'a;q=0.1,', '\t\r\n '];

/** Milliseconds of processor time, the best of three: linear readers take 1 to 25 for 64 KiB, a quadratic one 100 for 8. */
function linear(bytes: number): number {
  return 20 + (80 * bytes) / ONE_READ;
}

for (const protocol of protocols) {
  describe(`every protocol: ${protocol.name}`, () => {
    const lines = clientLines(protocol);
    const { upgradeScript } = twinTalk(protocol);
    const command = upgradeScript.at(-1) ?? '';
    const form = formOf(protocol);
    const violations = INJECTIONS.filter(
      injected => !(form.early || (form.blanks && /^[ \r\n]+$/.test(injected))),
    );
    const harmless = INJECTIONS.filter(injected => !violations.includes(injected));

    describe('twin', () => {
      it('upgrades when its own probe talks to its own server', () => {
        const { server, probe } = twinTalk(protocol);
        expect(probe.close, 'the probe').to.equal(undefined);
        // It may end, politely, where no application is behind it.
        expect(server.close?.error, 'the server').to.equal(undefined);
        expect(probe.handOver).to.not.equal(undefined);
      });

      it('is told by its probe that TLS is not offered, or refused', () => {
        const { probe } = twinTalk(protocol, { available: () => false });
        expect(probe.close?.error?.code).to.be.oneOf(['ERR_TLS_NOT_OFFERED', 'ERR_TLS_REFUSED']);
      });

      it('is refused by its probe when words follow the go-ahead', () => {
        const script = twinTalk(protocol);
        // mysql has no go-ahead that anything could follow.
        if (atUpgrade(protocol).upgrade?.goAhead === '') return;
        const probe = new Stage(protocol, { role: 'probe' });
        const server = new Stage(protocol).start();
        probe.start();
        for (const _ of script.upgradeScript) {
          probe.say(server.heard());
          server.say(probe.heard());
        }
        probe.say(`${server.heard()}250 injected\r\n`);
        expect(probe.upgrade).to.equal(undefined);
        expect(probe.close?.error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
      });
    });

    describe('injection', () => {
      for (const injected of harmless) {
        it(`lets ${JSON.stringify(injected)} reach nothing but TLS`, () => {
          const plain = beforeCommand(protocol).say(command);
          const stage = beforeCommand(protocol).say(command + injected);
          const early = Buffer.from(stage.upgrade?.early ?? []).toString('latin1');
          expect(early).to.equal(form.early ? injected : '');
          expect(stage.heard()).to.equal(plain.heard());
          expect(underTls(stage, lines)).to.equal(underTls(plain, lines));
        });
      }

      for (const injected of violations) {
        it(`gives no go-ahead with ${JSON.stringify(injected)} behind the command`, () => {
          const clean = beforeCommand(protocol);
          const stage = beforeCommand(protocol).say(command + injected);
          const farewell = protocol.farewell(new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE'), SCENE) ?? '';
          expect(clean.close).to.equal(undefined);
          expect(stage.upgrade).to.equal(undefined);
          expect(stage.close?.error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
          expect(stage.heard()).to.equal(farewell);
        });

        it(`drops ${JSON.stringify(injected)} where that was chosen, and runs none of it`, () => {
          const plain = beforeCommand(protocol).say(command);
          const stage = beforeCommand(protocol, { plaintextAfterUpgrade: 'discard' }).say(command + injected);
          expect(stage.heard()).to.equal(plain.heard());
          expect(underTls(stage, lines)).to.equal(underTls(plain, lines));
        });
      }
    });

    describe('an upgrade that a limit refuses', () => {
      const farewell = protocol.farewell(new SallyportError('ERR_HANDSHAKE_RATE'), SCENE) ?? '';

      it('is refused as if TLS could not be had for now, and may be asked for again; or ends with a farewell', () => {
        let available = true;
        const unavailable = beforeCommand(protocol, { available: () => available });
        available = false;
        unavailable.say(command);
        const stage = atUpgrade(protocol).refuse('ERR_HANDSHAKE_RATE');
        const words = stage.heard();
        expect(words).to.not.equal('');
        if (stage.waiting) {
          expect(words).to.equal(unavailable.heard());
          expect(stage.say(command).upgrade?.goAhead).to.deep.equal(atUpgrade(protocol).upgrade?.goAhead);
          expect(stage.secure().close?.error).to.equal(undefined);
        } else {
          expect(words).to.equal(farewell);
          expect(stage.close?.error?.code).to.equal('ERR_HANDSHAKE_RATE');
        }
      });

      it('ends where TLS is not required: nobody goes on in plaintext because of a neighbour', () => {
        const stage = atUpgrade(protocol, { policy: 'optional' }).refuse('ERR_HANDSHAKE_RATE');
        expect(stage.close?.error?.code).to.equal('ERR_HANDSHAKE_RATE');
        expect(stage.heard()).to.equal(farewell);
      });

      it('is answered so often only as a bad command is', () => {
        const stage = atUpgrade(protocol, { badCommands: 2 });
        for (let count = 0; count < 3 && stage.upgrade !== undefined; count++) {
          stage.refuse('ERR_HANDSHAKE_RATE').say(command);
        }
        expect(stage.close?.error?.code).to.be.oneOf(['ERR_BAD_COMMANDS', 'ERR_HANDSHAKE_RATE']);
      });

      it('is understood by our own client', () => {
        const words = atUpgrade(protocol).refuse('ERR_HANDSHAKE_RATE').heard();
        const probe = new Stage(protocol, { role: 'probe' }).start();
        const server = new Stage(protocol).start();
        for (const _ of upgradeScript) {
          probe.say(server.heard());
          server.say(probe.heard());
        }
        // Clients that do not wait for a go-ahead are in their handshake, and take it for what is no TLS.
        if (probe.upgrade !== undefined) return;
        probe.say(words);
        // In http a server that does not switch has not offered to; in postgres an error here is not even read.
        const otherwise: Readonly<Record<string, ErrorCode>> = {
          http: 'ERR_TLS_NOT_OFFERED',
          postgres: 'ERR_UNEXPECTED_REPLY',
        };
        expect(probe.close?.error?.code).to.equal(otherwise[protocol.name] ?? 'ERR_TLS_REFUSED');
      });
    });

    describe('state', () => {
      it('forgets at the upgrade whatever was said before it', () => {
        const clean = underTls(atUpgrade(protocol), lines);
        fc.assert(
          fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 6 }), before => {
            const stage = new Stage(protocol, { badCommands: 1000 }).start().say(...before);
            fc.pre(stage.waiting);
            for (const piece of upgradeScript) stage.say(piece);
            fc.pre(stage.upgrade !== undefined);
            stage.heard();
            expect(underTls(stage, lines)).to.equal(clean);
          }),
          { numRuns: RUNS },
        );
      });

      it('carries over the upgrade what its standard has answered under TLS, and not a byte else', () => {
        const carried = form.carried(command);
        fc.assert(
          fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 6 }), before => {
            const stage = new Stage(protocol, { badCommands: 1000, application: true })
              .start()
              .say(...before);
            fc.pre(stage.waiting);
            for (const piece of upgradeScript) stage.say(piece);
            fc.pre(stage.upgrade !== undefined);
            const unread = Buffer.from(stage.secure().handOver?.unread ?? 'no hand-over').toString('latin1');
            expect(unread).to.equal(carried);
          }),
          { numRuns: RUNS },
        );
      });

      it('offers no second upgrade under TLS', () => {
        const stage = atUpgrade(protocol).secure();
        for (const piece of upgradeScript) stage.say(piece);
        expect(stage.upgrade).to.equal(undefined);
      });
    });

    describe('cutting', () => {
      it('says the same however the bytes are cut', () => {
        fc.assert(
          fc.property(
            fc.array(fc.constantFrom(...lines), { maxLength: 8 }),
            fc.infiniteStream(fc.nat(7)),
            (said, cuts) => {
              const whole = new Stage(protocol).start();
              const script = said.filter(line => whole.waiting && whole.say(line) !== undefined);
              const pieces = new Stage(protocol).start().say(...cutUp(script.join(''), cuts));
              expect(outcome(pieces)).to.deep.equal(outcome(whole));
            },
          ),
          { numRuns: RUNS },
        );
      });

      it('takes LF for CRLF, where it has lines', () => {
        if (form.units !== 'lines' && form.units !== 'requests') return;
        const stage = new Stage(protocol).start();
        for (const piece of upgradeScript) stage.say(piece.replaceAll('\r\n', '\n'));
        expect(stage.upgrade).to.not.equal(undefined);
      });
    });

    describe('any bytes', () => {
      const alphabet = fc.oneof(
        fc.constantFrom(...lines),
        fc.constantFrom(
          '\r\n',
          '\n',
          '\r',
          '\0',
          ' ',
          '"',
          '{9+}\r\n',
          '{9}\r\n',
          '(',
          '\x16\x03\x01',
          'GET / HTTP/1.1\r\n',
        ),
        fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('latin1')),
      );
      for (const role of ['server', 'probe'] as const) {
        it(`end in a documented way: ${role}`, () => {
          fc.assert(
            fc.property(fc.array(alphabet, { maxLength: 20 }), fc.boolean(), (pieces, secure) => {
              const stage = new Stage(protocol, { role, application: false, policy: 'optional' });
              stage.start(secure ? TLS : undefined).say(...pieces);
              if (stage.waiting) stage.hangUp();
              expect(stage.waiting).to.equal(false);
              expect(stage.close?.error?.code).to.not.be.oneOf(['ERR_INTERNAL', 'ERR_TLS_REQUIRED']);
            }),
            { numRuns: RUNS * 2 },
          );
        });
      }
    });

    describe('limits', () => {
      it('reads what is padded in linear time', () => {
        const padded = lines.flatMap(line => PADDINGS.flatMap(padding => paddedLines(line, padding)));
        for (const [index, said] of padded.entries()) {
          const tls = index % 2 === 0 ? undefined : TLS;
          const begin = () => new Stage(protocol).start(tls);
          let spent = processorTime(begin(), said);
          for (let again = 0; again < 2 && spent > linear(said.length); again++)
            spent = Math.min(spent, processorTime(begin(), said));
          expect(spent, `ms for ${JSON.stringify(said.slice(0, 80))}`).to.be.below(linear(said.length));
        }
      });

      it('ends a line without end, and holds no more than its limit and one read', () => {
        for (const secure of [undefined, TLS]) {
          const stage = new Stage(protocol).start(secure);
          let offered = 0;
          for (; stage.waiting && offered < MiB; offered += 1000) stage.say('A'.repeat(1000));
          const codes =
            form.units === 'lines' ? ['ERR_LINE_TOO_LONG'] : ['ERR_LINE_TOO_LONG', 'ERR_BAD_SYNTAX'];
          expect(stage.close?.error?.code).to.be.oneOf(codes);
          expect(offered).to.be.at.most(2 * ONE_READ);
        }
      });

      it('answers ten bad commands and ends at the eleventh, where it has commands', () => {
        if (form.bad === undefined) return;
        const stage = new Stage(protocol).start();
        for (let count = 1; count <= 10; count++) {
          stage.heard();
          stage.say(form.bad);
          expect(stage.close?.error?.code, `after ${count}`).to.equal(undefined);
          expect(stage.heard()).to.not.equal('');
        }
        stage.say(form.bad);
        expect(stage.close?.error?.code).to.equal('ERR_BAD_COMMANDS');
      });

      it('ends its probe when a server never comes to the point', () => {
        const stage = new Stage(protocol, { role: 'probe' }).start();
        let offered = 0;
        for (; stage.waiting && offered < MiB; offered += 1000)
          stage.say(`250-${'x'.repeat(94)}\r\n`.repeat(10));
        expect(stage.close?.error?.blame).to.equal('peer');
      });
    });

    describe('required', () => {
      it('hands nothing over in plaintext, whatever is said', () => {
        fc.assert(
          fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 12 }), said => {
            const stage = new Stage(protocol, { application: true }).start().say(...said);
            expect(stage.handOver).to.equal(undefined);
            expect(stage.close?.error?.code).to.not.equal('ERR_TLS_REQUIRED');
          }),
          { numRuns: RUNS },
        );
      });

      it('hands over under TLS from the first byte', () => {
        const stage = new Stage(protocol, { application: true }).start(TLS);
        expect(stage.handOver?.unread.length).to.equal(0);
      });

      it('goes on under TLS without an application, and hands nothing over', () => {
        const stage = atUpgrade(protocol)
          .secure()
          .say(...lines);
        expect(stage.handOver).to.equal(undefined);
      });
    });

    describe('farewell', () => {
      for (const code of Object.keys(errorTable) as ErrorCode[]) {
        it(`is whole lines of printable text, or nothing: ${code}`, () => {
          const farewell = protocol.farewell(new SallyportError(code, 'a detail'), SCENE);
          if (farewell === undefined) return;
          if (form.units === 'lines') expect(farewell).to.match(/^([\x20-\x7e]+\r\n)+$/);
          if (form.units === 'requests')
            expect(farewell).to.match(/^([\x20-\x7e]+\r\n)+\r\n[\x20-\x7e]+\r\n$/);
          if (form.units === 'elements') expect(farewell).to.match(/^[\x20-\x7e]+$/);
          expect(farewell).to.match(/^[\0-\xff]*$/);
          expect(farewell).to.not.contain('a detail');
        });
      }

      it('is not said in plaintext once the go-ahead is out', () => {
        const stage = atUpgrade(protocol);
        for (const action of stage.machine.fail(new SallyportError('ERR_SHUTTING_DOWN'))) {
          expect(action.kind).to.equal('close');
        }
      });
    });

    it('says nothing to a ClientHello where a command is expected', () => {
      for (const secure of [undefined, TLS]) {
        const stage = new Stage(protocol).start(secure);
        stage.heard();
        // A packet's length may begin with 0x16: there it takes more bytes to tell.
        stage.say(form.units === 'packets' ? '\x16\x03\x01\x02' : '\x16');
        expect(stage.heard()).to.equal('');
        if (form.direct && secure === undefined) expect(stage.upgrade).to.deep.include({ requireAlpn: true });
        else expect(stage.close?.error?.code).to.equal('ERR_CLIENT_HELLO');
      }
    });

    it('closes at an HTTP request, unless it speaks HTTP', () => {
      if (form.units === 'requests') return;
      const stage = new Stage(protocol).start(TLS).say('POST /x HTTP/1.1\r\nHost: a\r\n\r\n');
      if (stage.waiting) stage.say('A'.repeat(2 * ONE_READ));
      if (form.units === 'lines') expect(stage.close?.error?.code).to.equal('ERR_HTTP_REQUEST');
      else expect(stage.close).to.not.equal(undefined);
    });

    it('runs no command that the end of the stream cuts off', () => {
      const stage = beforeCommand(protocol)
        .say(command.replace(/(\r?\n|[^\n])$/, ''))
        .hangUp();
      expect(stage.upgrade).to.equal(undefined);
      expect(stage.close?.error?.code).to.equal('ERR_PEER_CLOSED');
      expect(stage.heard()).to.equal('');
    });

    it('greets in one write, if it greets', () => {
      expect(new Stage(protocol).start().writes.length).to.equal(protocol.speaksFirst === 'server' ? 1 : 0);
    });
  });
}

/** Every line that a client says in the protocol's transcripts and in its probe. */
function clientLines(protocol: Protocol): string[] {
  // A request's lines mean something only together.
  const whole = formOf(protocol).units === 'requests';
  const said = transcriptsOf(protocol.name)
    .flatMap(({ steps }) => (whole ? grouped(steps) : steps))
    .filter(({ kind }) => kind === 'client')
    .flatMap(({ text }) => (whole ? text.split(/(?<=(?:^|\n)\r?\n)/) : [text]))
    .filter(text => text.length < 400);
  const { upgradeScript, secureScript } = twinTalk(protocol);
  return [...new Set([...said, ...upgradeScript, ...secureScript])];
}

/** What it takes to read `said`, in milliseconds. */
function processorTime(stage: Stage, said: string): number {
  const { user } = process.cpuUsage();
  stage.say(said);
  return process.cpuUsage({ user, system: 0 }).user / 1000;
}

/** A client's words with padding before their last one's end: as much as most dialogues read, and far too much. */
function paddedLines(line: string, padding: string): string[] {
  const [, words = '', end = ''] = /^([\s\S]*?)((?:\r?\n)*)$/.exec(line) ?? [];
  const sizes = [500, 8000, ONE_READ];
  return sizes.map(size => `${words}${padding.repeat(size / padding.length)}b${end}`);
}

function beforeCommand(protocol: Protocol, options: StageOptions = {}): Stage {
  const stage = new Stage(protocol, options).start();
  for (const piece of twinTalk(protocol).upgradeScript.slice(0, -1)) stage.say(piece);
  stage.heard();
  return stage;
}

/** All that a server says under TLS to the given lines. */
function underTls(stage: Stage, lines: readonly string[]): string {
  return stage
    .secure()
    .say(...lines)
    .heard();
}

function outcome(stage: Stage): unknown {
  return {
    heard: stage.heard(),
    upgrade: stage.upgrade !== undefined,
    handOver: stage.handOver !== undefined,
    close: stage.close?.error?.code ?? stage.close?.kind,
  };
}

function cutUp(text: string, cuts: Iterable<number>): string[] {
  const pieces: string[] = [];
  let rest = text;
  for (const length of cuts) {
    if (rest === '') break;
    pieces.push(rest.slice(0, length + 1));
    rest = rest.slice(length + 1);
  }
  return pieces;
}
