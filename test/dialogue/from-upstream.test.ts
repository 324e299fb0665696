import { expect } from 'chai';
import { fromUpstream } from '../../src/dialogue/from-upstream.ts';
import { type ErrorCode, SallyportError } from '../../src/errors.ts';

/** The error of a step that throws it. */
function thrown(error: Error): unknown {
  const step = fromUpstream(
    (function* () {
      yield { kind: 'test' } as never;
      throw error;
    })(),
  );
  step.next();
  try {
    step.next();
  } catch (found) {
    return found;
  }
  return undefined;
}

describe('src/dialogue/from-upstream', () => {
  for (const code of ['ERR_UNEXPECTED_REPLY', 'ERR_BAD_SYNTAX'] as const) {
    it(`lays ${code} at the upstream's door, and keeps what it was`, () => {
      const error = new SallyportError(code, 'because');
      const found = thrown(error);
      expect(found).to.be.instanceOf(SallyportError).with.property('code', 'ERR_UPSTREAM_REPLY');
      expect(found).to.have.property('cause', error);
      expect(found).to.have.property('message').that.includes('because');
    });
  }

  it('leaves every other error as it is', () => {
    const codes: readonly ErrorCode[] = ['ERR_LINE_TOO_LONG', 'ERR_TLS_REFUSED'];
    for (const error of [...codes.map(code => new SallyportError(code)), new RangeError('ERR_BAD_SYNTAX')])
      expect(thrown(error)).to.equal(error);
  });

  it('passes on what a step waits for, and gives what it read', () => {
    const step = fromUpstream(
      (function* () {
        yield { kind: 'test' } as never;
        return 'value';
      })(),
    );
    expect(step.next()).to.deep.equal({ done: false, value: { kind: 'test' } });
    expect(step.next()).to.deep.equal({ done: true, value: 'value' });
  });
});
