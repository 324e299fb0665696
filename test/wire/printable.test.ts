import { expect } from 'chai';
import fc from 'fast-check';
import { printable } from '../../src/wire/printable.ts';

describe('src/wire/printable', () => {
  it('leaves plain text alone', () => {
    expect(printable('mail.example.org')).to.equal('mail.example.org');
  });

  it('escapes what could forge a line or drive a terminal, and backslashes', () => {
    expect(printable('a\r\nb\x1b[2J\0\x7f\xff\\')).to.equal('a\\x0d\\x0ab\\x1b[2J\\x00\\x7f\\xff\\\\');
    expect(printable('\u{1f600}\u2028')).to.equal('\\u{1f600}\\u{2028}');
  });

  it('cuts what is long', () => {
    expect(printable('a'.repeat(300))).to.equal(`${'a'.repeat(256)}...`);
    expect(printable('abc', 2)).to.equal('ab...');
    expect(printable('ab', 2)).to.equal('ab');
  });

  it('gives only printable ASCII for whatever comes in', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => /^[\x20-\x7e]*$/.test(printable(text))));
  });
});
