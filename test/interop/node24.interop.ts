import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/root.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { type Servers, useServers } from './support/servers.ts';

/** Not among the dependencies: from there its command would stand before the Node that runs our scripts. */
const NODE_24 = join(ROOT, `test/interop/node24/node_modules/node-linux-${process.arch}/bin/node`);

/** The servers run on Node 24 as well: theirs is another OpenSSL. */
describeClient('node24', testNode24, [NODE_24, '--version']);

function testNode24(): void {
  const servers = useServers();

  it('serves all that the openssl part of this suite asks for', () =>
    passes(servers, 'openssl.interop.ts')).timeout(180_000);

  it('negotiates X25519MLKEM768', () => passes(servers, 'support/key-exchange.ts'));
}

interface Report {
  readonly stats: { readonly passes: number; readonly pending: number };
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}

async function passes(servers: Servers, file: string): Promise<void> {
  const output = servers.path('report.json');
  const mocha = [join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--no-package', '--no-config'];
  const options = ['--node-option', 'import=tsx', '--node-option', 'no-warnings', '--timeout', '60000'];
  const report = ['--reporter', 'json', '--reporter-option', `output=${output}`];
  const { transcript } = await runClient(
    NODE_24,
    [...mocha, ...options, ...report, join(ROOT, 'test/interop', file)],
    { cwd: ROOT, timeout: 170_000 },
  );
  const { stats, failures }: Report = JSON.parse(readFileSync(output, 'utf8'));
  const failed = failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message}`);
  expect(failed, transcript).to.deep.equal([]);
  expect(stats.pending, transcript).to.equal(0);
  expect(stats.passes, transcript).to.be.greaterThan(10);
}
