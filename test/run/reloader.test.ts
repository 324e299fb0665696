import { expect } from 'chai';
import type { Configuration } from '../../src/config/configuration.ts';
import type { ReadConfiguration } from '../../src/config/read-configuration.ts';
import { SallyportError } from '../../src/errors.ts';
import { Reloader } from '../../src/run/reloader.ts';
import { KeptLog } from '../support/services.ts';

const CONFIGURATION = { file: 'sallyport.yaml' } as Configuration; // no more of it is looked at
const GOOD: ReadConfiguration = { configuration: CONFIGURATION, mistakes: [] };
const COUNTS = { added: 1, changed: 0, removed: 0, kept: 2 };

describe('src/run/reloader', () => {
  function reloaderOf(reads: readonly (() => Promise<ReadConfiguration>)[], reload = async () => COUNTS) {
    const log = new KeptLog();
    let count = 0;
    const steps = {
      read: () => (reads[count++] ?? (() => Promise.reject(new Error('read too often'))))(),
      reloaded: async () => undefined,
    };
    const reloader = new Reloader({ reload }, log, steps);
    return { reloader, log, reads: () => count };
  }

  it('says what it has done', async () => {
    const { reloader, log } = reloaderOf([async () => GOOD]);
    await reloader.reload();
    expect(log.with('reloaded')).to.deep.equal([{ file: 'sallyport.yaml', ...COUNTS }]);
  });

  it('says every mistake, and that nothing has changed', async () => {
    const mistake = { file: 'a.yaml', position: { line: 2, column: 3 }, found: 'x', right: 'y' };
    const { reloader, log } = reloaderOf([
      async () => ({ configuration: undefined, mistakes: [mistake, mistake] }),
    ]);
    await reloader.reload();
    expect(log.with('mistake in the configuration')).to.deep.equal([
      { mistake: 'a.yaml:2:3: x; y' },
      { mistake: 'a.yaml:2:3: x; y' },
    ]);
    expect(log.with('reload refused: all goes on as before')).to.deep.equal([{ mistakes: 2 }]);
  });

  it('says why it could not be put in force, and takes the next one', async () => {
    const failures = [
      new SallyportError('ERR_LISTEN', '127.0.0.1 port 25: EADDRINUSE'),
      new Error('a fault'),
    ];
    const { reloader, log } = reloaderOf([async () => GOOD, async () => GOOD, async () => GOOD], async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return COUNTS;
    });
    for (let count = 0; count < 3; count += 1) await reloader.reload();
    const [first, second] = log.with('reload refused: all goes on as before');
    expect(first).to.deep.equal({
      code: 'ERR_LISTEN',
      reason: 'Cannot listen: 127.0.0.1 port 25: EADDRINUSE',
    });
    expect(second).to.have.property('err').that.is.an('error');
    expect(log.with('reloaded').length).to.equal(1);
  });

  it('reads once more, and not more often, when it is asked again and again meanwhile', async () => {
    let release: (read: ReadConfiguration) => void = () => {};
    const slow = new Promise<ReadConfiguration>(resolve => {
      release = resolve;
    });
    const { reloader, log, reads } = reloaderOf([() => slow, async () => GOOD]);
    const asked = [reloader.reload(), reloader.reload(), reloader.reload(), reloader.reload()];
    expect(reads()).to.equal(1);
    release(GOOD);
    await Promise.all(asked);
    expect(reads()).to.equal(2);
    expect(log.with('reloaded').length).to.equal(2);
  });
});
