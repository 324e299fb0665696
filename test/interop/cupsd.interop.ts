import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { type Cups, startCups } from './servers/cups.ts';
import { type Backend, describeBackend } from './support/backend.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { expectFindingsOfGuide } from './support/findings.ts';
import type { Front } from './support/fronts.ts';

/** The clients of CUPS take any certificate: that it is the right one is seen by others. */
describeBackend<Cups>('CUPS', {
  installed: ['which', 'cupsd', 'lp', 'ipptool'],
  start: startCups,
  behindProxy: testBehindProxy,
  withTls: testWithTls,
});

function testBehindProxy(backend: Backend<Cups>): void {
  const { fronts } = backend;
  const port = () => backend.server.ports.http;

  it('prints for lp, which asks for TLS with OPTIONS', async () => {
    await printByLp(backend, await fronts.command('http', port(), '--tls', 'required'), '-E');
  });

  it('prints for lp, which asks for TLS when it is told to by a 426', async () => {
    await printByLp(backend, await fronts.proxy('http', port(), { tls: 'required' }));
  });

  it('prints for lp in plaintext, where TLS is optional', async () => {
    await printByLp(backend, await fronts.proxy('http', port(), { tls: 'optional' }));
  });

  it('prints for ipptool, which asks for TLS, where it is optional', async () => {
    await printByIpptool(backend, await fronts.proxy('http', port(), { tls: 'optional' }), '-E');
  });

  it('prints for ipptool, which begins with TLS, on one port for both', async () => {
    const front = await fronts.proxy('http', port(), { tls: 'auto' });
    await printByIpptool(backend, front, '-S');
    await printByIpptool(backend, front, '-E');
  });

  it('lets lp fail at once when it is gone, which does not say why', async () => {
    const front = await fronts.proxy('http', await fronts.deadPort(), { tls: 'required' });
    const { stderr, status, transcript } = await lp(front, '-E', '-d', 'paper', '/dev/null');
    expect(stderr, transcript).to.match(/^lp: /);
    expect(status, transcript).to.equal(1);
  });
}

function testWithTls(backend: Backend<Cups>): void {
  const { fronts } = backend;

  for (const mode of ['upgrade', 'implicit'] as const) {
    it(`is reached through a proxy under TLS on both legs, with its certificate verified, by ${mode}`, async () => {
      const toTls = { mode, ca: backend.identity.ca, servername: 'localhost' };
      await printByLp(
        backend,
        await fronts.proxy('http', backend.server.ports.http, { tls: 'required', toTls }),
        '-E',
      );
    });
  }

  it('has the findings that the guide says', async () => {
    const { http, https } = backend.server.ports;
    const targets = { http: `http://127.0.0.1:${http}`, https: `https://127.0.0.1:${https}` };
    // What stands behind the request is run only where CUPS has read both at once.
    const unsteady = ['injection-line'];
    await expectFindingsOfGuide('CUPS', { ca: backend.identity.ca, targets, unsteady });
  }).timeout(120_000);
}

async function printByLp(
  { server }: Backend<Cups>,
  front: Front,
  ...options: readonly string[]
): Promise<void> {
  const job = await newJob(server);
  const { stdout, status, transcript } = await lp(front, ...options, '-d', 'paper', '-o', 'raw', job.file);
  expect(status, transcript).to.equal(0);
  await expectPrinted(server, job, /^request id is paper-(\d+) /.exec(stdout)?.[1]);
}

function lp({ port, caFile }: Front, ...options: readonly string[]): Promise<ClientResult> {
  return runClient('lp', ['-h', `localhost:${port}`, ...options], environment(caFile));
}

/** It takes a printer's part in the protocol's own words, and says whether each came as it should. */
async function printByIpptool(
  { server }: Backend<Cups>,
  { port, caFile }: Front,
  tls: string,
): Promise<void> {
  const job = await newJob(server);
  const printer = `ipp://localhost:${port}/printers/paper`;
  const args = [tls, '-t', '-v', '-f', job.file, printer, 'print-job.test'];
  const { stdout, status, transcript } = await runClient('ipptool', args, environment(caFile));
  expect(stdout, transcript).to.match(/\[PASS\]/);
  expect(status, transcript).to.equal(0);
  await expectPrinted(server, job, /\bjob-id \(integer\) = (\d+)/.exec(stdout)?.[1]);
}

/** They keep in their user's home what certificates they have seen. */
function environment(caFile: string) {
  return { env: { HOME: `${caFile}.home`, CUPS_SERVER: '' } };
}

interface Job {
  readonly file: string;
  readonly text: string;
}

let jobs = 0;

/** More than a few segments, and another one each time. */
async function newJob(server: Cups): Promise<Job> {
  jobs += 1;
  const text = `job ${jobs}\n${'All work and no play\n'.repeat(20_000)}`;
  const file = server.path(`job-${jobs}`);
  await writeFile(file, text);
  return { file, text };
}

async function expectPrinted(server: Cups, { text }: Job, id: string | undefined): Promise<void> {
  await server.logged(new RegExp(`\\[Job ${id}\\] Job completed`));
  const printed = await readFile(server.printed, 'utf8');
  expect(printed.slice(0, 20)).to.equal(text.slice(0, 20));
  expect(printed === text).to.equal(true);
}
