import { expect } from 'chai';
import { type ErrorCode, errorTable, SallyportError } from '../src/errors.ts';

describe('src/errors', () => {
  for (const [code, { blame, message }] of Object.entries(errorTable)) {
    it(`${code} has a code, a blame and a summary that a peer may be told`, () => {
      const error = new SallyportError(code as ErrorCode);
      expect(error).to.include({ name: 'SallyportError', code, blame, message, summary: message });
      expect(message).to.match(/^[A-Z][\w ,-]+$/);
    });
  }

  it('has no summary in which a client would find a reply that it waits for', () => {
    for (const { message } of Object.values(errorTable)) expect(message).to.not.match(/\d|OK /);
  });

  it('keeps the detail to itself, and the cause', () => {
    const cause = new Error('beneath');
    const error = new SallyportError('ERR_LISTEN', 'port 25', { cause });
    expect(error.message).to.equal('Cannot listen: port 25');
    expect(error.summary).to.equal('Cannot listen');
    expect(error.cause).to.equal(cause);
  });
});
