import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { protocols } from '../protocol/index.ts';
import type { Protocol } from '../src/dialogue/protocol.ts';
import type { ErrorCode } from '../src/errors.ts';
import { BehindProxy } from './support/behind-proxy.ts';
import { formOf } from './support/form.ts';
import { Stage, TLS } from './support/stage.ts';
import { grouped, type Transcript, transcriptsOf } from './support/transcript.ts';
import { twinTalk } from './support/twin.ts';

const RUNS = process.env['SALLYPORT_LONG'] === undefined ? 100 : 5000;

/** How many bytes past its limit a dialogue may hold: one read of the socket. */
const ONE_READ = 65_536;

const UPSTREAM_ERRORS: readonly ErrorCode[] = [
  'ERR_UPSTREAM_CLOSED',
  'ERR_UPSTREAM_REPLY',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_UNREACHABLE',
];

for (const protocol of protocols) {
  describe(`every proxy: ${protocol.name}`, () => {
    const transcripts = transcriptsOf(protocol.name).filter(({ options }) => options.role === 'proxy');
    const dialling = transcripts.filter(({ steps }) => steps.some(isMark(/^dial/)));
    const clientWords = wordsOf(transcripts, 'client');
    const upstreamWords = wordsOf(transcripts, 'fromUpstream');
    const { upgradeScript } = twinTalk(protocol);
    const command = upgradeScript.at(-1) ?? '';
    const clientTalk = fc.array(fc.constantFrom(...clientWords, ...upgradeScript.slice(0, -1)), {
      maxLength: 8,
    });

    it('has transcripts that dial', () => {
      expect(dialling).to.not.deep.equal([]);
    });

    describe('upstream', () => {
      it('is not dialled in plaintext where TLS is required, whatever is said', () => {
        fc.assert(
          fc.property(clientTalk, said => {
            const stage = new Stage(protocol, { role: 'proxy', application: true }).start().say(...said);
            expect(stage.dials).to.equal(0);
            expect(stage.close?.error?.code).to.not.equal('ERR_TLS_REQUIRED');
          }),
          { numRuns: RUNS },
        );
      });

      it('hears under TLS nothing that was said before, and what it says is not said to the client', () => {
        fc.assert(
          fc.property(clientTalk, clientTalk, (before, under) => {
            const told = conversation(protocol, before, under);
            fc.pre(told !== undefined);
            expect(told).to.deep.equal(conversation(protocol, [], under));
          }),
          { numRuns: RUNS },
        );
      });

      it('is hung up at the upgrade, if it was dialled', () => {
        for (const word of clientWords) {
          const behind = new BehindProxy(protocol, { policy: 'optional' }).start();
          if (behind.proxy.waiting) behind.say(word);
          behind.say(...upgradeScript);
          if (behind.proxy.upgrade !== undefined) expect(behind.proxy.hangUps).to.equal(behind.proxy.dials);
        }
      });

      it('is not asked for TLS by a client that has it (E1)', () => {
        fc.assert(
          fc.property(clientTalk, words => {
            // What follows a literal's size is no command.
            const said = words.filter(word => !/\{\d+\+?\}\r\n$/.test(word));
            const upgraded = new BehindProxy(protocol)
              .start()
              .say(...upgradeScript)
              .secure();
            for (const behind of [upgraded, new BehindProxy(protocol).start(TLS)]) {
              for (const word of [...said, command, ...said]) if (behind.proxy.waiting) behind.say(word);
              expect(behind.proxy.upgrade).to.equal(undefined);
              expect(behind.reached.toUpperCase()).to.not.contain(marker(protocol, command));
            }
          }),
          { numRuns: RUNS },
        );
      });

      it('has its own offer of TLS taken out of what the client hears (E1)', () => {
        const { offer, capabilities } = protocol.audit ?? {};
        if (offer === undefined || capabilities === undefined) return;
        const hear = (policy: 'required' | 'optional') => {
          const behind = new BehindProxy(protocol, { policy }).start(policy === 'required' ? TLS : undefined);
          for (const piece of upgradeScript.slice(0, -1)) behind.say(piece);
          return (capabilities(behind.heard()) ?? []).filter(capability => offer.test(capability));
        };
        expect(hear('required'), 'under TLS').to.deep.equal([]);
        expect(hear('optional').length, 'in plaintext, where it is ours').to.be.at.most(1);
      });

      it('gets no PROXY header that a client makes up (E3)', () => {
        for (const header of ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', V2_HEADER]) {
          for (const pieces of [[header], [...header]]) {
            const behind = new BehindProxy(protocol).start(TLS).say(...pieces);
            expect(behind.reached).to.not.contain(header.slice(0, 12));
          }
        }
      });
    });

    describe('cutting', () => {
      for (const transcript of dialling) {
        it(`changes nothing, whatever the upstream's segments: ${transcript.file}`, () => {
          const whole = play(protocol, transcript);
          expect(play(protocol, transcript, text => [...text])).to.deep.equal(whole);
          fc.assert(
            fc.property(fc.array(fc.nat(30), { minLength: 1 }), cuts => {
              expect(play(protocol, transcript, text => cutUp(text, cuts))).to.deep.equal(whole);
            }),
            { numRuns: RUNS / 10 },
          );
        });
      }
    });

    describe("upstream's bytes", () => {
      const alphabet = fc.oneof(
        ...(upstreamWords.length > 0 ? [fc.constantFrom(...upstreamWords)] : []),
        fc.constantFrom(
          '\r\n',
          '\n',
          '\r',
          '\0',
          ' ',
          '.\r\n',
          '{9}\r\n',
          '+ \r\n',
          '<',
          '\xff\xfa',
          '250-',
          '* ',
        ),
        fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('latin1')),
      );
      // Where it is the client that is at fault, nothing is said of the upstream.
      const speaking = dialling.filter(
        ({ steps }) =>
          steps.some(({ kind }) => kind === 'fromUpstream') &&
          !steps.some(isMark(/^closed: (?!ERR_UPSTREAM)/)),
      );
      for (const transcript of speaking.length > 0 ? speaking : dialling) {
        it(`end in a documented way: ${transcript.file}`, () => {
          fc.assert(
            fc.property(fc.nat(8), fc.array(alphabet, { maxLength: 12 }), (turn, words) => {
              const stage = playUntil(protocol, transcript, turn);
              if (stage.waiting && stage.upgrade === undefined) stage.answer(...words);
              if (stage.waiting) stage.endUpstream();
              if (stage.waiting) stage.hangUp();
              expect(stage.waiting && stage.upgrade === undefined).to.equal(false);
              expect(stage.close?.error?.code).to.be.oneOf([
                undefined,
                'ERR_PEER_CLOSED',
                ...UPSTREAM_ERRORS,
              ]);
            }),
            { numRuns: RUNS },
          );
        });
      }

      it('end when there is no end to them, and no more are held than a limit and one read', () => {
        for (const piece of ['A'.repeat(1000), '250-more\r\n'.repeat(100), '* OK more\r\n'.repeat(100)]) {
          const stage = firstWait(protocol, dialling);
          if (stage === undefined) continue;
          let offered = 0;
          for (; stage.waiting && offered < 2 ** 20; offered += piece.length) stage.answer(piece);
          expect(stage.waiting).to.equal(false);
          expect(stage.close?.error?.code).to.be.oneOf([undefined, ...UPSTREAM_ERRORS]);
          expect(offered).to.be.at.most(2 * ONE_READ + 2 * piece.length);
        }
      });
    });

    describe('farewell', () => {
      for (const transcript of transcripts) {
        it(`is said at every step at which the upstream fails: ${transcript.file}`, () => {
          for (let turn = 0; turn <= transcript.steps.length; turn++) {
            for (const code of UPSTREAM_ERRORS) {
              const stage = playUntil(protocol, transcript, turn, isAnyMark);
              const awaited = stage.machine.awaitsUpstream;
              if (!stage.waiting || !awaited) continue;
              stage.heard();
              if (code === 'ERR_UPSTREAM_CLOSED') stage.endUpstream();
              else stage.fail(code);
              // While it is dialled it cannot close.
              if (stage.close === undefined) continue;
              expect(stage.close.error?.code).to.equal(code);
              expect(stage.heard()).to.not.equal('');
            }
          }
        });
      }
    });

    describe('hand-over', () => {
      const handing = dialling.filter(({ steps }) => steps.some(isMark(/^hand over$/)));

      it('is there', () => {
        expect(handing).to.not.deep.equal([]);
      });

      for (const transcript of handing) {
        it(`leaves out nothing that either side has said already: ${transcript.file}`, () => {
          const more = { client: 'more\r\n of the client', upstream: '\r\nmore of the upstream' };
          const plain = play(protocol, transcript);
          const played = play(protocol, transcript, text => [text], more);
          const { client, upstream } = added(transcript, more);
          expect(played.forwarded + played.unread).to.equal(plain.forwarded + plain.unread + client);
          expect(played.heard + played.answer).to.equal(plain.heard + plain.answer + upstream);
        });
      }
    });
  });
}

const V2_HEADER = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c';

interface Played {
  heard: string;
  forwarded: string;
  dials: number;
  hangUps: number;
  unread: string;
  answer: string;
  close: string | undefined;
}

type Cut = (text: string) => readonly string[];
type More = Readonly<Record<'client' | 'upstream', string>>;

/** Plays the parts of the client and the upstream, with the upstream's words cut, and something behind the last words. */
function play(protocol: Protocol, transcript: Transcript, cut: Cut = text => [text], more?: More): Played {
  const all = grouped(transcript.steps);
  const lastOf = (kind: string) => all.findLastIndex(step => step.kind === kind);
  const behind = added(transcript, more ?? { client: '', upstream: '' });
  const [lastOfClient, lastOfUpstream] = [lastOf('client'), lastOf('fromUpstream')];
  const stage = new Stage(protocol, transcript.options);
  // What comes behind a hand-over is for the relay.
  const missed = { client: '', upstream: '' };
  const begun = all[0]?.kind === 'mark' && all[0].text === 'TLS';
  stage.start(begun ? TLS : undefined);
  for (const [index, { kind, text }] of all.entries()) {
    if (kind === 'client') {
      const words = text + (index === lastOfClient ? behind.client : '');
      if (stage.handOver === undefined) stage.say(words);
      else missed.client += words;
    } else if (kind === 'fromUpstream') {
      for (const piece of cut(text + (index === lastOfUpstream ? behind.upstream : ''))) {
        if (stage.handOver === undefined) stage.answer(piece);
        else missed.upstream += piece;
      }
    } else if (kind === 'mark' && !(begun && index === 0)) act(stage, text);
  }
  const latin1 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1');
  return {
    heard: stage.heard(),
    forwarded: stage.forwarded(),
    dials: stage.dials,
    hangUps: stage.hangUps,
    unread: latin1(stage.handOver?.unread) + missed.client,
    answer: latin1(stage.handOver?.answer) + missed.upstream,
    close: stage.close?.error?.code ?? stage.close?.kind,
  };
}

/** What of `more` can be said behind the last words: nothing before the last upgrade, or to an upstream that was hung up. */
function added({ steps }: Transcript, more: More): More {
  const all = grouped(steps);
  const follows = (kind: string, mark: RegExp) =>
    all.findLastIndex(step => step.kind === kind) > all.findLastIndex(isMark(mark));
  return {
    client: follows('client', /^TLS$/) ? more.client : '',
    upstream: follows('fromUpstream', /^dial/) ? more.upstream : '',
  };
}

function act(stage: Stage, mark: string): void {
  if (mark === 'TLS') stage.secure();
  else if (/^dial/.test(mark)) stage.connect({ greeted: mark !== 'dial' });
  else if (mark === 'upstream closes') stage.endUpstream();
  else if (mark === 'upstream unreachable') stage.fail('ERR_UPSTREAM_UNREACHABLE');
  else if (mark === 'upstream silent') stage.fail('ERR_UPSTREAM_TIMEOUT');
}

/** Plays a transcript up to a turn: the nth time that the upstream has been dialled or speaks. */
function playUntil(
  protocol: Protocol,
  { steps, options }: Transcript,
  turn: number,
  counts: (step: { kind: string; text: string }) => boolean = ({ kind }) => kind === 'fromUpstream',
): Stage {
  const stage = new Stage(protocol, options);
  const all = grouped(steps);
  const begun = all[0]?.kind === 'mark' && all[0].text === 'TLS';
  stage.start(begun ? TLS : undefined);
  let turns = 0;
  for (const [index, step] of all.entries()) {
    if (counts(step) && ++turns > turn) return stage;
    if (step.kind === 'client') stage.say(step.text);
    else if (step.kind === 'fromUpstream') stage.answer(step.text);
    else if (step.kind === 'mark' && !(begun && index === 0)) act(stage, step.text);
  }
  return stage;
}

const isAnyMark = ({ kind }: { kind: string }) =>
  kind === 'mark' || kind === 'fromUpstream' || kind === 'client';

/** A proxy that waits for its upstream's first words, if there is such a moment. */
function firstWait(protocol: Protocol, transcripts: readonly Transcript[]): Stage | undefined {
  const stages = transcripts.map(transcript => playUntil(protocol, transcript, 0));
  return stages.find(stage => stage.waiting && stage.machine.awaitsUpstream);
}

/** What the upstream is told under TLS, and the client hears there, after other words in plaintext. */
function conversation(protocol: Protocol, before: readonly string[], under: readonly string[]) {
  const behind = new BehindProxy(protocol, { policy: 'optional' }).start();
  for (const word of before) if (behind.proxy.waiting) behind.say(word);
  if (!behind.proxy.waiting) return undefined;
  for (const piece of twinTalk(protocol).upgradeScript) behind.say(piece);
  if (behind.proxy.upgrade === undefined) return undefined;
  behind.heard();
  const dials = behind.told.length;
  behind.secure();
  for (const word of under) if (behind.proxy.waiting) behind.say(word);
  const unread = Buffer.from(behind.proxy.handOver?.unread ?? []).toString('latin1');
  return { told: behind.told.slice(dials), unread, heard: behind.heard() };
}

/** What shows that an upgrade command has got through; of a request only that which asks for TLS. */
function marker(protocol: Protocol, command: string): string {
  return formOf(protocol).units === 'requests' ? 'UPGRADE: TLS' : command.toUpperCase();
}

function wordsOf(transcripts: readonly Transcript[], kind: 'client' | 'fromUpstream'): string[] {
  const words = transcripts.flatMap(({ steps }) => grouped(steps).filter(step => step.kind === kind));
  return [...new Set(words.map(({ text }) => text))];
}

function isMark(mark: RegExp) {
  return ({ kind, text }: { kind: string; text: string }) => kind === 'mark' && mark.test(text);
}

/** Into pieces of these lengths, over and over. */
function cutUp(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + (lengths[pieces.length % lengths.length] ?? 0);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}
