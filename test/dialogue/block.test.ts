import { expect } from 'chai';
import { encodeBlock, readBlock } from '../../src/dialogue/block.ts';
import { readStep } from '../support/read-step.ts';

describe('src/dialogue/block', () => {
  it('doubles a dot at the beginning of a line, and ends with one', () => {
    expect(encodeBlock(['STLS', '.', '..a', 'a.'])).to.equal('STLS\r\n..\r\n...a\r\na.\r\n.\r\n');
    expect(encodeBlock([])).to.equal('.\r\n');
  });

  it('reads what it writes', () => {
    const lines = ['STLS', '', '.', '..a', 'a.'];
    expect(readStep(readBlock, encodeBlock(lines))).to.deep.equal(lines);
    expect(readStep(readBlock, '.\r\n')).to.deep.equal([]);
    expect(readStep(readBlock, 'STLS\r\n')).to.equal('waits');
  });

  it('reads lines of 512 bytes, and fewer than 128', () => {
    expect(readStep(readBlock, `${'a'.repeat(510)}\r\n.\r\n`)).to.deep.equal(['a'.repeat(510)]);
    expect(readStep(readBlock, `${'a'.repeat(511)}\r\n.\r\n`)).to.equal('ERR_LINE_TOO_LONG');
    expect(readStep(readBlock, `${'a\r\n'.repeat(127)}.\r\n`)).to.have.lengthOf(127);
    expect(readStep(readBlock, `${'a\r\n'.repeat(128)}.\r\n`)).to.equal('ERR_UNEXPECTED_REPLY');
  });
});
