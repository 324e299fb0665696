import { expect } from 'chai';
import { Deadline } from '../../src/net/deadline.ts';

/** Resolves with the limit that expired and the milliseconds it took. */
function expiry(quiet: number, total: number, act: (deadline: Deadline) => void = () => {}) {
  return new Promise<{ limit: string; after: number }>(resolve => {
    const begun = performance.now();
    const deadline = new Deadline(quiet, total, limit =>
      resolve({ limit, after: performance.now() - begun }),
    );
    act(deadline);
  });
}

describe('src/net/deadline', () => {
  it('expires when nothing is heard', async () => {
    const { limit, after } = await expiry(100, 1000);
    expect(limit).to.equal('quiet');
    expect(after).to.be.within(95, 300);
  });

  it('expires in all, whatever is heard', async () => {
    const { limit, after } = await expiry(100, 250, deadline => {
      const timer = setInterval(() => deadline.refresh(), 50);
      setTimeout(() => clearInterval(timer), 400);
    });
    expect(limit).to.equal('total');
    expect(after).to.be.within(245, 450);
  });

  it('counts silence from the last sign of life', async () => {
    const { limit, after } = await expiry(150, 0, deadline => setTimeout(() => deadline.refresh(), 100));
    expect(limit).to.equal('quiet');
    expect(after).to.be.within(240, 450);
  });

  it('never expires once stopped, and keeps no timer where it has no limit', async () => {
    const expired: string[] = [];
    new Deadline(30, 0, limit => expired.push(limit)).stop();
    new Deadline(0, 0, limit => expired.push(limit)).refresh();
    await new Promise(resolve => setTimeout(resolve, 80));
    expect(expired).to.deep.equal([]);
  });
});
