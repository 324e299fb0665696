import { expect } from 'chai';
import { type SoakResult, soak } from '../soak/soak.ts';
import type { Figures } from '../soak/soak-server.ts';
import { LONG } from '../support/scale.ts';

const MINUTES = LONG ? 30 : 1;
const SEED = Number(process.env['SALLYPORT_SOAK_SEED'] ?? 1);

/** What the heap may grow by from the first third to the last, in MiB. */
const GROWTH = 4;

describe(`soak of ${MINUTES} min, seed ${SEED}`, () => {
  let result: SoakResult;

  before(async function () {
    this.timeout((MINUTES + 4) * 60_000);
    result = await soak({ duration: MINUTES * 60_000, seed: SEED });
    const { lines, visits, rude, reloads, before, after, during, standstill } = result;
    console.log(`      ${visits} sessions with ${lines} lines, ${rude} rude clients, ${reloads} reloads`);
    const shown = ({ heap, resident, descriptors }: Figures) =>
      `heap ${heap.toFixed(1)} MiB, resident ${resident.toFixed(0)} MiB, ${descriptors} descriptors`;
    console.log(`      before: ${shown(before)}\n      after:  ${shown(after)}`);
    const delays = during.map(({ delay }) => delay);
    const still = Math.max(...during.map(each => each.standstill));
    console.log(
      `      event loop p99: ${Math.max(...delays).toFixed(0)} ms in the worst 4 s of ${during.length}; longest standstill: ${still.toFixed(0)} ms, of the clients ${standstill.toFixed(0)} ms`,
    );
    console.log(`      ends: ${JSON.stringify(after.ends)}`);
  });

  it('loses no line and no order, and no handshake to a reload', () => {
    expect(result.failures).to.deep.equal([]);
    expect(result.visits).to.be.above(100);
    expect(result.reloads).to.be.above(10);
  });

  it('keeps nothing: connections, descriptors, memory', () => {
    const { before, during, after } = result;
    expect(after.connections).to.equal(0);
    expect(after.descriptors).to.be.at.most(before.descriptors);
    const heaps = during.map(({ heap }) => heap);
    const third = Math.floor(heaps.length / 3);
    const growth = median(heaps.slice(-third)) - median(heaps.slice(third, 2 * third));
    expect(growth, `of ${heaps.map(heap => heap.toFixed(1)).join(' ')}`).to.be.below(GROWTH);
  });

  it('never blames itself', () => {
    const own = Object.keys(result.after.ends).filter(code =>
      /INTERNAL|APPLICATION|OPTION|CERTIFICATE$/.test(code),
    );
    expect(own).to.deep.equal([]);
  });
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
