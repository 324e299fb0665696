import { join } from 'node:path';
import { expect } from 'chai';
import { loadApplication } from '../../src/run/application-module.ts';
import { folderWith, removeFolders } from '../support/folder.ts';

describe('src/run/application-module', () => {
  after(removeFolders);

  it('loads a default export', async () => {
    const folder = await folderWith({ 'app.mjs': 'export default () => {};' });
    expect(await loadApplication(join(folder, 'app.mjs'))).to.be.a('function');
  });

  for (const [what, text, reason] of [
    ['throws', 'throw new Error("no good");', 'no good'],
    ['throws what is no error', 'throw "no good";', 'no good'],
    ['exports nothing', '', 'the default export is not a function'],
    ['has no sense', 'export default (', 'Unexpected'],
  ] as const) {
    it(`refuses a module that ${what}, and names it`, async () => {
      const file = join(await folderWith({ 'app.mjs': text }), 'app.mjs');
      const error = await loadApplication(file).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'ERR_APPLICATION_MODULE');
      expect(String(error)).to.contain(file).and.contain(reason);
    });
  }

  it('refuses a file that is not there', async () => {
    const error = await loadApplication('/nowhere/app.mjs').catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'ERR_APPLICATION_MODULE');
  });
});
