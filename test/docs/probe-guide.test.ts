import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { imap, ldap, smtp } from '../../protocol/index.ts';
import { exitStatuses } from '../../src/cli/exit-status.ts';
import { probeStatuses } from '../../src/cli/probe.ts';
import { program } from '../../src/cli/program.ts';
import { metrics } from '../../src/cli/report/prometheus.ts';
import { testCertificates } from '../support/certificates.ts';
import { code, document, table } from '../support/document.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { ROOT } from '../support/root.ts';
import { serving, stopServing } from '../support/serving.ts';

const guide = document('docs/guide/probe.md');

/** Every command that the guide shows, in whatever kind of block. */
const commands = guide.blocks.flatMap(({ text }) =>
  [...text.matchAll(/sallyport probe ([^|\n]+)/g)].map(([, args = '']) => args.trim()),
);

describe('docs/guide/probe.md', function () {
  this.timeout(30_000);
  const ports = new Map<string, number>();
  let folder: string;

  before(async () => {
    for (const protocol of [smtp, imap, ldap]) ports.set(protocol.name, (await serving(protocol)).port);
    ports.set('imaps', (await serving(imap, { tls: 'implicit' })).port);
    const servers = guide.blocks.find(({ comment }) => comment === 'file: servers.txt');
    folder = await folderWith({
      'servers.txt': onLoopback(servers?.text ?? ''),
      'ca.pem': (await testCertificates()).authority.cert,
    });
  });

  after(async () => {
    await stopServing();
    await removeFolders();
  });

  function onLoopback(text: string): string {
    return text
      .replace(
        /\b(\w+):\/\/\w+\.example\.org(:\d+)?/g,
        (_, scheme) => `${scheme}://localhost:${ports.get(scheme)}`,
      )
      .replace(/\b\w+\.example\.org/g, 'localhost');
  }

  it('has commands', () => {
    expect(commands.length).to.be.at.least(9);
  });

  for (const args of commands) {
    it(`shows a command that works: ${args}`, async () => {
      const placed = onLoopback(args)
        .split(/\s+/)
        .map((arg, index, all) =>
          /^--(targets|output|ca)$/.test(all[index - 1] ?? '') ? join(folder, basename(arg)) : arg,
        );
      const given = args.includes('--output') ? [] : ['--output', join(folder, 'report')];
      // To make the whole audit each time is for other tests.
      const few = args.includes('--only') ? [] : ['--only', 'tls-not-offered'];
      const ca = args.includes('--ca') ? [] : ['--ca', join(folder, 'ca.pem')];
      const words = [...placed, ...given, ...few, ...ca];
      const { exitCode } = process;
      try {
        await program().parseAsync(['node', 'sallyport', 'probe', ...words]);
        // The certificate of the tests is valid for two days.
        expect(process.exitCode).to.equal(args.includes('--expiry-days') ? 1 : 0);
      } finally {
        process.exitCode = exitCode;
      }
      const report = await readFile(words[words.indexOf('--output') + 1] ?? '', 'utf8');
      // SARIF has no word of a server on which nothing was found.
      expect(report).to.match(/:\/\/localhost:|"2\.1\.0"/);
    });
  }

  it('shows a finding as it is reported', async () => {
    const shown = guide.blocks.find(({ comment }) => comment === 'golden: faulty.txt');
    const whole = await readFile(join(ROOT, 'test/cli/report/golden/faulty.txt'), 'utf8');
    expect(whole).to.contain(shown?.text);
  });

  it('names every exit status', () => {
    const { sound, found, failed } = probeStatuses;
    const { usage, config } = exitStatuses;
    const statuses = table(guide, 'Status', 'When').map(([status]) => Number(status));
    expect(statuses).to.deep.equal([sound, found, failed, usage, config, 130, 143]);
  });

  it('names every metric, and no other', () => {
    const named = table(guide, 'Metric', 'Holds').map(([metric]) => code(metric));
    expect(named).to.deep.equal(metrics.map(({ name }) => name));
    const rules = guide.blocks.find(({ language }) => language === 'yaml')?.text ?? '';
    for (const [name] of rules.matchAll(/sallyport_\w+/g)) expect(named).to.include(name);
  });
});
