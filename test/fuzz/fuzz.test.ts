import { expect } from 'chai';
import { line, protocols } from '../../protocol/index.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { LONG } from '../support/scale.ts';
import { readCorpus, writeCorpus } from './corpus.ts';
import { fuzz, tried } from './fuzz.ts';
import { readInput, writeInput } from './input.ts';
import { play, ROLES } from './play.ts';

/** A million inputs in all in the long run; in `npm test` as many as take some seconds. */
const COUNT = Math.ceil((LONG ? 1_000_000 : 10_000) / (protocols.length * ROLES.length));

/** Another one finds other inputs; this one is the same on every machine. */
const SEED = Number(process.env['SALLYPORT_FUZZ_SEED'] ?? 1);

/** Writes what was new into the corpus. */
const KEEP = process.env['SALLYPORT_FUZZ_KEEP'] !== undefined;

/** Cases in one file of the corpus: what a reader of a change can still look through. */
const MOST_KEPT = 50;

for (const protocol of protocols) {
  describe(`fuzz: ${protocol.name}`, () => {
    for (const role of ROLES) {
      it(`every case of the corpus keeps the laws: ${role}`, () => {
        const corpus = readCorpus(protocol, role);
        expect(corpus).to.not.deep.equal([]);
        for (const each of corpus) tried(protocol, role, each);
      });

      it(`${COUNT} inputs keep the laws: ${role}`, () => {
        const corpus = readCorpus(protocol, role);
        const fresh = fuzz(protocol, role, { count: COUNT, seed: SEED, corpus });
        if (KEEP) writeCorpus(protocol, role, [...corpus, ...fresh].slice(0, MOST_KEPT));
      }).timeout(LONG ? 600_000 : 20_000);
    }
  });
}

describe('fuzz', () => {
  it('reads an input as it was written', () => {
    const input = readInput('-- TLS --\nC: a\\xff \\\nU< b\\\n-- ERR_IDLE_TIMEOUT --\n');
    expect(input).to.deep.equal([
      { kind: 'event', event: 'TLS' },
      { kind: 'said', text: 'a\xff ' },
      { kind: 'answered', text: 'b' },
      { kind: 'event', event: 'ERR_IDLE_TIMEOUT' },
    ]);
    expect(readInput(writeInput(input))).to.deep.equal(input);
  });

  it('notices what throws, and says with which input', () => {
    const broken = served(function* (client) {
      yield* client.line();
      JSON.parse('{');
      return 'close';
    });
    const input = readInput('C: x\n');
    const message = /ERR_INTERNAL\n# optional\nC: x/;
    expect(() => tried(broken, 'server', { setting: ['optional'], input })).to.throw(message);
  });

  it('notices a hand-over in plaintext that the machine has to stop', () => {
    const careless = served(function* (client) {
      yield* client.line();
      return 'handOver';
    });
    expect(() => play(careless, 'server', readInput('C: x\n'))).to.throw('ERR_TLS_REQUIRED');
  });
});

/** The protocol of our own with another server. */
function served(server: Protocol['server']): Protocol {
  return { ...line, server };
}
