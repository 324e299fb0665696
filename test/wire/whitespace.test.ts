import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { isWhitespace, leadingWhitespace } from '../../src/wire/whitespace.ts';

describe('src/wire/whitespace', () => {
  it('is blanks, tabs and line ends, and nothing else', () => {
    expect(isWhitespace(Buffer.from(' \t\r\n'))).to.equal(true);
    expect(isWhitespace(Buffer.from(''))).to.equal(true);
    for (const other of ['\0', '\x0b', '\xa0', 'a'])
      expect(isWhitespace(Buffer.from(other, 'latin1'))).to.equal(false);
  });

  it('is counted up to the first other byte', () => {
    expect(leadingWhitespace(Buffer.from('\r\n\x16 '))).to.equal(2);
    expect(leadingWhitespace(Buffer.from('a'))).to.equal(0);
    expect(leadingWhitespace(Buffer.from('  '))).to.equal(2);
  });
});
