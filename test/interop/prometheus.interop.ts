import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { type Admin, startAdmin } from '../../src/admin/admin.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { createServer, type Server } from '../../src/server.ts';
import { expressions } from '../support/dashboard.ts';
import { document } from '../support/document.ts';
import { traffic } from '../support/traffic.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';

const TOKEN = 'correct-horse-battery-staple';

/** How long Prometheus may take for what it does each second, in milliseconds. */
const PATIENCE = 120_000;

describeClient('promtool', testPrometheus, ['sh', '-c', 'which promtool && which prometheus']);

function testPrometheus(): void {
  let folder: string;
  let servers: readonly Server[];
  let admin: Admin;
  let prometheus: ChildProcess | undefined;

  before('the servers start, and clients come', async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-prometheus-'));
    const certificate = await issueCertificate({ commonName: 'localhost', days: 9, names: ['localhost'] });
    servers = protocols.map(protocol => createServer({ protocol, certificate, maxPerAddress: 0 }));
    for (const server of servers) await server.listen({ port: 0 });
    admin = await startAdmin({ servers, token: TOKEN, address: { host: '127.0.0.1', port: 0 } });
    await come();
  });
  after('all of them end', async () => {
    if (prometheus !== undefined && prometheus.exitCode === null) {
      prometheus.kill();
      await once(prometheus, 'exit');
    }
    await Promise.all([admin, ...servers].map(each => each.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  function come(): Promise<void> {
    return traffic(
      servers.map(({ protocol, address }) => ({ protocol, port: address?.port ?? 0 })),
      2 * protocols.length,
    );
  }

  it('finds nothing to say against the metrics, but that days are no seconds', async () => {
    const response = await fetch(`http://127.0.0.1:${admin.address?.port}/metrics`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    // Of ours: it has something to say about those that all programs for Node have.
    const own = (await response.text()).split('\n').filter(line => line.includes('sallyport_'));
    writeFileSync(join(folder, 'metrics'), `${own.join('\n')}\n`);
    const { stderr, transcript } = await runClient('sh', [
      '-c',
      `promtool check metrics <'${folder}/metrics'`,
    ]);
    // People count those in days; the time of expiry is there in seconds as well.
    const known = 'sallyport_certificate_days_left use base unit "seconds" instead of "days"';
    expect(stderr.trim(), transcript).to.equal(known);
  });

  it("takes the guide's configuration and its rules, and the expressions of the dashboard", async () => {
    const [config, rules] = document('docs/guide/metrics.md').blocks.filter(
      ({ language }) => language === 'yaml',
    );
    const recorded = expressions().map((expr, index) => ({ record: `dashboard:${index}`, expr }));
    const files = {
      'prometheus.yml': (config?.text ?? '').replace(
        '/etc/prometheus/sallyport.token',
        join(folder, 'token'),
      ),
      'rules.yml': rules?.text ?? '',
      'dashboard.yml': JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }),
      token: TOKEN,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    for (const check of [
      ['config', 'prometheus.yml'],
      ['rules', 'rules.yml', 'dashboard.yml'],
    ]) {
      const [what = '', ...names] = check;
      const run = await runClient('promtool', ['check', what, ...names.map(name => join(folder, name))]);
      expect(run.status, run.transcript).to.equal(0);
    }
  });

  it('scrapes with the token, and has an answer for each panel of the dashboard', async () => {
    const address = await freeAddress();
    writeFileSync(join(folder, 'token'), TOKEN);
    const scrape = {
      job_name: 'sallyport',
      authorization: { credentials_file: join(folder, 'token') },
      static_configs: [{ targets: [`127.0.0.1:${admin.address?.port}`] }],
    };
    const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: [scrape] };
    writeFileSync(join(folder, 'scrape.yml'), JSON.stringify(config));
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${folder}/scrape.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    );
    const until = Date.now() + PATIENCE;
    // A rate needs two scrapes with something between them.
    while ((await query(address, 'count_over_time(up[1h]) >= 2')).length === 0) await pause(until);
    await come();
    for (const expr of expressions()) {
      // What divides by what has not happened has no value.
      while ((await query(address, expr)).length === 0) await pause(until, expr);
    }
    const [up] = await query(address, 'up');
    expect(up?.value[1]).to.equal('1');
  }).timeout(2 * PATIENCE);
}

interface Answer {
  readonly value: readonly [time: number, value: string];
}

/** What Prometheus answers; nothing while it starts. */
async function query(address: string, expr: string): Promise<readonly Answer[]> {
  try {
    const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const { data, error } = JSON.parse(await response.text());
    if (error !== undefined) throw new Error(`${expr}: ${error}`);
    return data.result;
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) return [];
    throw error;
  }
}

async function pause(until: number, what = 'Prometheus'): Promise<void> {
  if (Date.now() > until) throw new Error(`no answer: ${what}`);
  await new Promise(resolve => setTimeout(resolve, 200));
}

/** Prometheus does not tell which port it was given, so one is found that was free just now. */
async function freeAddress(): Promise<string> {
  const server = createTcpServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `127.0.0.1:${address.port}`;
}
