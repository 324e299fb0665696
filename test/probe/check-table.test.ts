import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type CheckEntry, checkIds, checkTable } from '../../src/probe/check-table.ts';
import { checksReference } from '../support/checks-reference.ts';
import { ROOT } from '../support/root.ts';

describe('src/probe/check-table', () => {
  it('is what docs/reference/checks.md says', () => {
    expect(readFileSync(join(ROOT, 'docs/reference/checks.md'), 'utf8')).to.equal(checksReference());
  });

  for (const id of checkIds) {
    it(`says of ${id} what is wrong, why it matters, what to do and where that stands`, () => {
      const { title, why, remedy, references, inBand, needs }: CheckEntry = checkTable[id];
      expect(id).to.match(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(title).to.match(/^[A-Z].*[^.]$/);
      expect(why).to.match(/^[A-Z].*\.$/);
      expect(remedy).to.match(/^[A-Z].*\.$/);
      expect(references.length).to.be.greaterThan(0);
      if (needs === 'connected') expect(inBand).to.equal(true);
    });
  }
});
