import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderWith, removeFolders } from '../support/folder.ts';
import { ROOT } from '../support/root.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';

/** For one of them, on a machine that others keep busy, in milliseconds. */
const PATIENCE = 300_000;

/** With the smallest counts: whether they still measure, not what. */
describe('the benchmarks run', function () {
  this.timeout(PATIENCE);
  after(removeFolders);

  it('upgrade', async () => {
    const report = await figuresOf('upgrade', ['--quick', '--only', 'upgrade', 'bulk']);
    expect(medians(report)).to.have.keys('upgrade', 'bulk');
  });

  it('load', async () => {
    const { results } = await figuresOf('load', ['--quick']);
    expect(results?.map(({ server, steps }) => [server, steps.map(({ held }) => held)])).to.deep.equal([
      ['sallyport', [0, 10, 20]],
      ['bare', [0, 10, 20]],
    ]);
  });

  describeClient('stunnel4 and nginx', () => {
    it('proxy', async () => {
      const { costs, clocks } = await figuresOf('proxy', ['--quick']);
      const figures = ['upgrade', 'resumed', 'postgres', 'line', 'out', 'in'];
      expect(medians(costs)).to.have.keys(...figures, 'memory');
      expect(medians(clocks)).to.have.keys(...figures);
      for (const [name, median] of Object.entries(medians(clocks))) expect(median, name).to.be.above(0);
    });
  }, [
    'sh',
    '-c',
    'command -v stunnel4 && command -v nginx && test -e /usr/lib/nginx/modules/ngx_mail_module.so',
  ]);

  it('rotation', async () => {
    const { status, stdout, transcript } = await run('rotation', [
      ...['--seconds', '2', '--rate', '2', '--sessions', '2'],
    ]);
    expect(status, transcript).to.equal(0);
    expect(JSON.parse(stdout), transcript).to.include({
      failed: 0,
      notResumed: 0,
      sessionsCut: 0,
      sessions: 2,
    });
  });
});

interface Report {
  readonly figures?: readonly Figure[];
  readonly results?: readonly { readonly server: string; readonly steps: readonly { held: number }[] }[];
  readonly costs?: Report;
  readonly clocks?: Report;
}

interface Figure {
  readonly name: string;
  readonly absolute: Readonly<Record<string, { readonly median: number | null }>>;
}

/** Sallyport's own, by name. */
function medians({ figures = [] }: Report = {}): Readonly<Record<string, number | null | undefined>> {
  return Object.fromEntries(figures.map(({ name, absolute }) => [name, absolute['sallyport']?.median]));
}

async function figuresOf(bench: string, args: readonly string[]): Promise<Report> {
  const file = join(await folderWith({}), 'figures.json');
  const { status, transcript } = await run(bench, [...args, '--json', file]);
  expect(status, transcript).to.equal(0);
  return JSON.parse(await readFile(file, 'utf8')) as Report; // as the benchmark writes it
}

function run(bench: string, args: readonly string[]) {
  return runClient(process.execPath, ['--import', 'tsx', `test/bench/${bench}.ts`, ...args], {
    cwd: ROOT,
    timeout: PATIENCE - 10_000,
  });
}
