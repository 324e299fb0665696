import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/root.ts';
import { readExplanations } from './explained.ts';
import { FOLDERS, modulesOf } from './own-tests.ts';
import { folderPercent, readScores } from './scores.ts';

/** The part of a folder's mutants that some test has to notice, in percent. */
const MARK = 85;

describe('test/mutation', () => {
  const modules = modulesOf([]);
  const explanations = Object.entries(readExplanations());

  it('keeps the scores of modules that exist', () => {
    expect(modules).to.include.members(Object.keys(readScores()));
  });

  it('explains survivors of modules that exist', () => {
    expect(modules).to.include.members(explanations.map(([file]) => file));
  });

  for (const [file, rows] of explanations) {
    it(`explains what still stands in ${file}`, () => {
      const source = readFileSync(join(ROOT, file), 'utf8').replace(/\s+/g, ' ');
      for (const mutant of rows.flatMap(({ mutants }) => mutants)) {
        expect(source, file).to.include(mutant.split(' → ')[0]);
      }
    });
  }

  for (const folder of measured()) {
    it(`has tests that notice ${MARK} of 100 mutants of ${folder}`, () => {
      expect(folderPercent(folder)).to.be.at.least(MARK);
    });
  }
});

function measured(): readonly string[] {
  const files = Object.keys(readScores());
  return FOLDERS.filter(folder => files.some(file => file.startsWith(`${folder}/`)));
}
