import { expect } from 'chai';
import { splitCommand } from '../../src/dialogue/command.ts';

describe('src/dialogue/command', () => {
  const cases: [string, string, string][] = [
    ['NOOP', 'NOOP', ''],
    ['noop  ', 'NOOP', ''],
    ['ehlo  a b  ', 'EHLO', 'a b'],
    ['', '', ''],
    ['   ', '', ''],
    [' NOOP', '', 'NOOP'],
    ['STARTTLS\xa0', 'STARTTLS\xa0', ''],
    ['STARTTLS\t', 'STARTTLS\t', ''],
  ];
  for (const [line, verb, argument] of cases) {
    it(`splits ${JSON.stringify(line)}`, () => {
      expect(splitCommand(line)).to.deep.equal({ verb, argument });
    });
  }
});
