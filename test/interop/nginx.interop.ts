import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { WireClient } from '../support/wire-client.ts';
import { type Nginx, startNginx } from './servers/nginx.ts';
import { type Backend, describeBackend } from './support/backend.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { expectFindingsOfGuide } from './support/findings.ts';
import type { Front } from './support/fronts.ts';

const SIZE = 4 * 1024 * 1024;

describeBackend<Nginx>('nginx', {
  installed: ['which', 'nginx', 'curl', 'sha256sum'],
  start: startNginx,
  behindProxy: testBehindProxy,
  withTls: testWithTls,
});

function testBehindProxy(backend: Backend<Nginx>): void {
  const { fronts } = backend;
  const port = () => backend.server.ports.http;

  it('gives a file to curl, which begins with TLS and verifies the certificate', async () => {
    await fetchByCurl(backend, await fronts.command('http', port()));
  });

  it('gives a file to curl, which comes in plaintext and is sent to https', async () => {
    const front = await fronts.proxy('http', port(), { tls: 'auto' });
    const hash = await newFile(backend);
    const { stdout, transcript } = await curl(front, '-L', `http://localhost:${front.port}/file`);
    expect(stdout, transcript).to.equal(`${hash}  -\n`);
  });

  it('gives a file to curl in plaintext, where TLS is optional', async () => {
    const front = await fronts.proxy('http', port(), { tls: 'optional' });
    const hash = await newFile(backend);
    const { stdout, transcript } = await curl(front, `http://localhost:${front.port}/file`);
    expect(stdout, transcript).to.equal(`${hash}  -\n`);
  });

  it('answers under TLS the request that asks for it, and the next one on the same connection', async () => {
    await writeFile(join(backend.server.root, 'a.txt'), 'the file a\n');
    for (const tls of ['required', 'optional', 'auto'] as const) {
      const front = await fronts.proxy('http', port(), { tls });
      const client = await WireClient.connect(front.port);
      client.say(requestOf('/a.txt', 'Connection: Upgrade', 'Upgrade: TLS/1.2'));
      await client.until('HTTP/1.1 101 Switching Protocols\r\n');
      await client.until('\r\n\r\n');
      await client.startTls({ ca: front.ca });
      const first = await client.until('the file a\n');
      expect(first, tls).to.match(/^HTTP\/1\.1 200 OK\r\nServer: nginx\//);
      client.say(requestOf('/none.txt', 'Connection: close'));
      expect(await client.until('\r\n'), tls).to.equal('HTTP/1.1 404 Not Found\r\n');
      await client.end();
      client.destroy();
    }
  });

  it('is told by the proxy to be gone when it is', async () => {
    const front = await fronts.proxy('http', await fronts.deadPort(), { tls: 'implicit' });
    const args = ['-sS', '--cacert', front.caFile, '--fail-with-body', `https://localhost:${front.port}/`];
    const { stderr, stdout, transcript } = await runClient('curl', args);
    expect(stderr, transcript).to.match(/error: 502/);
    expect(stdout, transcript).to.include('Upstream cannot be reached');
  });
}

function testWithTls(backend: Backend<Nginx>): void {
  const { fronts } = backend;

  it('is reached through a proxy under TLS on both legs, with its certificate verified', async () => {
    const toTls = { mode: 'implicit', ca: backend.identity.ca, servername: 'localhost' } as const;
    await fetchByCurl(
      backend,
      await fronts.proxy('http', backend.server.ports.https, { tls: 'auto', toTls }),
    );
  });

  it('has the findings that the guide says', async () => {
    const targets = { https: `https://127.0.0.1:${backend.server.ports.https}` };
    await expectFindingsOfGuide('nginx', { ca: backend.identity.ca, targets });
  }).timeout(120_000);
}

async function fetchByCurl(backend: Backend<Nginx>, front: Front): Promise<void> {
  const hash = await newFile(backend);
  const { stdout, transcript } = await curl(
    front,
    '--proto',
    '=https',
    `https://localhost:${front.port}/file`,
  );
  expect(stdout, transcript).to.equal(`${hash}  -\n`);
}

/** Prints the checksum of what it gets. */
function curl({ caFile }: Front, ...args: readonly string[]): Promise<ClientResult> {
  const command = `curl -sS --fail --http1.1 --cacert "$0" "$@" | sha256sum`;
  return runClient('sh', ['-c', command, caFile, ...args]);
}

/** Puts another file in place of the last, and tells its checksum. */
async function newFile({ server }: Backend<Nginx>): Promise<string> {
  const file = randomBytes(SIZE);
  await writeFile(join(server.root, 'file'), file);
  return createHash('sha256').update(file).digest('hex');
}

function requestOf(path: string, ...fields: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields].join('\r\n')}\r\n\r\n`;
}
