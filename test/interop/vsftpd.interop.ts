import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Client } from 'basic-ftp';
import { expect } from 'chai';
import { ftp } from '../../protocol/ftp.ts';
import { loadAuthorities } from '../../src/net/certificates.ts';
import { createProxy } from '../../src/proxy.ts';
import type { Server } from '../../src/server.ts';
import { testCertificates } from '../support/certificates.ts';
import { document } from '../support/document.ts';
import { startVsftpd, type Vsftpd } from './servers/vsftpd.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { useFronts } from './support/fronts.ts';
import { describeClient } from './support/needed-client.ts';

const SIZE = 50 * 1024 * 1024;
const PLACES = [
  { host: '127.0.0.1', url: '127.0.0.1' },
  { host: '::1', url: '[::1]' },
] as const;
const MODES = ['passive', 'active'] as const;

/** curl 7.87 and 7.88, active, turn no TLS on and send their data in the clear (curl/curl#10666): none may be stored. */
const CURL_WITHOUT_TLS = /inet_ntop\(\) failed/;

describeClient('backend vsftpd', testVsftpd, ['which', 'vsftpd', 'curl', 'lftp', 'python3']);

function testVsftpd(): void {
  let backend: Vsftpd;
  const fronts = useFronts();
  const proxies = new Map<string, Server>();
  const file = (name: string) => backend.path(name);
  const stored = (name: string) => `${backend.root}/${name}`;
  const sum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  const portOf = (host: string, policy = 'required') => proxies.get(host + policy)?.address?.port ?? 0;
  let expected: string;

  before(async () => {
    backend = await startVsftpd();
    const { server: certificate, authority } = await testCertificates();
    writeFileSync(file('ca.pem'), authority.cert);
    writeFileSync(file('big'), randomBytes(SIZE));
    expected = sum(file('big'));
    const to = { host: '127.0.0.1', port: backend.ports.ftp };
    for (const { host } of PLACES) {
      for (const tls of ['required', 'optional'] as const) {
        const proxy = createProxy({ protocol: ftp, certificate, to, tls });
        await proxy.listen({ host, port: 0 });
        proxies.set(host + tls, proxy);
      }
    }
  });
  after(async () => {
    for (const proxy of proxies.values()) await proxy.close({ within: 1000 });
    await backend?.stop();
  });

  it('lists its files to curl, as the guide has it', async () => {
    const shown = document('docs/guide/proxy.md').blocks.map(({ text }) => text.trim());
    const [, ...args] = shown.find(text => text.startsWith('curl '))?.split(' ') ?? [];
    const [, ports = ''] = /--data-ports (\S+)/.exec(shown.join('\n')) ?? [];
    const front = await fronts.command('ftp', backend.ports.ftp, '--data-ports', ports);
    const own = args.map(arg =>
      arg.replace(/.*\/ca\.pem$/, front.caFile).replace(/:2121\//, `:${front.port}/`),
    );
    writeFileSync(stored('seen.txt'), 'seen');
    const { status, stdout, transcript } = await runClient('curl', own);
    expect(status, transcript).to.equal(0);
    expect(stdout).to.match(/ 4 .* seen\.txt\n/);
  });

  for (const { host, url } of PLACES) {
    describe(`through a proxy on ${host}`, () => {
      async function curl(port: number, ...more: readonly string[]): Promise<ClientResult[]> {
        rmSync(stored('curl'), { force: true });
        const common = ['-sS', '--cacert', file('ca.pem'), '--max-time', '50', ...more];
        const place = `ftp://${url}:${port}/curl`;
        const up = await runClient('curl', [...common, '-T', file('big'), place], { timeout: 60_000 });
        if (up.status !== 0) return [up];
        return [up, await runClient('curl', [...common, '-o', file('down'), place], { timeout: 60_000 })];
      }

      function expectBoth(results: readonly ClientResult[]): void {
        for (const { status, transcript } of results) expect(status, transcript).to.equal(0);
        expect([sum(stored('curl')), sum(file('down'))]).to.deep.equal([expected, expected]);
      }

      it('curl carries 50 MiB both ways, passive', async () => {
        expectBoth(await curl(portOf(host), '--ssl-reqd'));
      });

      it('curl carries 50 MiB both ways, active, its data under TLS or not stored', async () => {
        const results = await curl(portOf(host), '--ssl-reqd', '-P', host);
        const [up] = results;
        if (!CURL_WITHOUT_TLS.test(up?.stderr ?? '')) return expectBoth(results);
        expect(up?.status).to.not.equal(0);
        expect(statSync(stored('curl')).size, up?.transcript).to.equal(0);
      });

      it('curl carries 50 MiB both ways, active, its data in plaintext where TLS is optional', async () => {
        expectBoth(await curl(portOf(host, 'optional'), '--ftp-ssl-control', '-P', host));
      });

      for (const mode of MODES) {
        it(`lftp carries 50 MiB both ways, ${mode}`, async () => {
          const commands = [
            'set ftp:ssl-force yes',
            'set ftp:ssl-protect-data yes',
            `set ssl:ca-file ${file('ca.pem')}`,
            `set ftp:passive-mode ${mode === 'passive' ? 'yes' : 'no'}`,
            'set net:max-retries 1',
            'set net:timeout 20',
            `open -u anonymous,x ftp://${url}:${portOf(host)}`,
            `put ${file('big')} -o lftp`,
            `get lftp -o ${file(`lftp-${mode}`)}`,
            `rm lftp`,
          ];
          const result = await runClient('lftp', ['--norc', '-c', commands.join('; ')], { timeout: 60_000 });
          expect(result.status, result.transcript).to.equal(0);
          expect(sum(file(`lftp-${mode}`))).to.equal(expected);
          rmSync(file(`lftp-${mode}`));
        });

        it(`python carries 50 MiB both ways, ${mode}`, async () => {
          const args = [host, String(portOf(host)), mode, file('ca.pem'), file('big')];
          const result = await runClient('python3', ['-c', FTPLIB, ...args], { timeout: 60_000 });
          expect(result.stdout, result.transcript).to.equal('same\n0\n');
        });
      }

      it('basic-ftp carries 50 MiB both ways', async () => {
        const client = new Client(30_000);
        const ca = await loadAuthorities(file('ca.pem'));
        const secureOptions = { ca, host: 'localhost' };
        try {
          await client.access({ host, port: portOf(host), secure: true, secureOptions });
          await client.uploadFrom(file('big'), 'basic');
          await client.downloadTo(file('basic'), 'basic');
          expect((await client.list()).map(({ name }) => name)).to.include('basic');
        } finally {
          client.close();
        }
        expect(sum(file('basic'))).to.equal(expected);
      });
    });
  }
}

const FTPLIB = `
import ftplib, io, ssl, sys
host, port, mode, ca, path = sys.argv[1:]
ftp = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=ca), timeout=50)
ftp.connect(host, int(port))
ftp.login()
ftp.prot_p()
ftp.set_pasv(mode == 'passive')
data = open(path, 'rb').read()
ftp.storbinary('STOR python', io.BytesIO(data))
back = io.BytesIO()
ftp.retrbinary('RETR python', back.write)
print('same' if back.getvalue() == data and 'python' in ftp.nlst() else 'other')
ftp.storbinary('STOR empty', io.BytesIO())
print(ftp.size('empty'))
ftp.quit()
`;
