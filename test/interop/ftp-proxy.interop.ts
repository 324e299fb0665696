import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'basic-ftp';
import { expect } from 'chai';
import { ftp } from '../../protocol/ftp.ts';
import { loadAuthorities } from '../../src/net/certificates.ts';
import { createProxy } from '../../src/proxy.ts';
import type { Server } from '../../src/server.ts';
import { testCertificates } from '../support/certificates.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { Vsftpd } from './support/vsftpd.ts';

const SIZE = 50 * 1024 * 1024;
const PLACES = [
  { host: '127.0.0.1', url: '127.0.0.1' },
  { host: '::1', url: '[::1]' },
] as const;
const MODES = ['passive', 'active'] as const;

/** curl 7.88, active, turns no TLS on and sends its data in the clear, to vsftpd's own TLS as well: none may be stored. */
const CURL_WITHOUT_TLS = /inet_ntop\(\) failed/;

describeClient('vsftpd', () => {
  let backend: Vsftpd;
  const proxies = new Map<string, Server>();
  const file = (name: string) => join(backend.root, '..', name);
  const sum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  const port = (host: string) => proxies.get(host)?.address?.port ?? 0;
  let expected: string;

  before(async () => {
    backend = await Vsftpd.start();
    const { server: certificate, authority } = await testCertificates();
    writeFileSync(file('ca.pem'), authority.cert);
    writeFileSync(file('big'), randomBytes(SIZE));
    expected = sum(file('big'));
    const to = { host: '127.0.0.1', port: backend.port };
    for (const { host } of PLACES) {
      const proxy = createProxy({ protocol: ftp, certificate, to });
      await proxy.listen({ host, port: 0 });
      proxies.set(host, proxy);
    }
  });
  after(async () => {
    for (const proxy of proxies.values()) await proxy.close({ within: 1000 });
    await backend.stop();
  });

  for (const { host, url } of PLACES) {
    for (const mode of MODES) {
      it(`curl carries 50 MiB both ways over ftp through the proxy, ${mode}, ${host}`, async function () {
        rmSync(join(backend.root, 'curl'), { force: true });
        const place = `ftp://${url}:${port(host)}/curl`;
        const common = ['-sS', '--ssl-reqd', '--cacert', file('ca.pem'), '--max-time', '30'];
        const how = mode === 'active' ? ['-P', host] : [];
        const up = await runClient('curl', [...common, ...how, '-T', file('big'), place]);
        if (CURL_WITHOUT_TLS.test(up.stderr)) {
          expect(statSync(join(backend.root, 'curl')).size, up.transcript).to.equal(0);
          this.skip();
        }
        expect(up.status, up.transcript).to.equal(0);
        expect(sum(join(backend.root, 'curl'))).to.equal(expected);
        const down = await runClient('curl', [...common, ...how, '-o', file('down'), place]);
        expect(down.status, down.transcript).to.equal(0);
        expect(sum(file('down'))).to.equal(expected);
      });

      it(`lftp carries 50 MiB both ways over ftp through the proxy, ${mode}, ${host}`, async () => {
        const commands = [
          'set ftp:ssl-force yes',
          'set ftp:ssl-protect-data yes',
          `set ssl:ca-file ${file('ca.pem')}`,
          `set ftp:passive-mode ${mode === 'passive' ? 'yes' : 'no'}`,
          'set net:max-retries 1',
          'set net:timeout 10',
          `open -u anonymous,x ftp://${url}:${port(host)}`,
          `put ${file('big')} -o lftp`,
          `get lftp -o ${file(`lftp-${mode}`)}`,
          `rm lftp`,
        ];
        const result = await runClient('lftp', ['--norc', '-c', commands.join('; ')], { timeout: 30_000 });
        expect(result.status, result.transcript).to.equal(0);
        expect(sum(file(`lftp-${mode}`))).to.equal(expected);
        rmSync(file(`lftp-${mode}`));
      });

      it(`python carries 50 MiB both ways over ftp through the proxy, ${mode}, ${host}`, async () => {
        const args = [host, String(port(host)), mode, file('ca.pem'), file('big')];
        const result = await runClient('python3', ['-c', FTPLIB, ...args], { timeout: 30_000 });
        expect(result.stdout, result.transcript).to.equal('same\n0\n');
      });
    }

    it(`basic-ftp carries 50 MiB both ways over ftp through the proxy, ${host}`, async () => {
      const client = new Client(30_000);
      const ca = await loadAuthorities(file('ca.pem'));
      try {
        await client.access({
          host,
          port: port(host),
          secure: true,
          secureOptions: { ca, host: 'localhost' },
        });
        await client.uploadFrom(file('big'), 'basic');
        await client.downloadTo(file('basic'), 'basic');
        expect((await client.list()).map(({ name }) => name)).to.include('basic');
      } finally {
        client.close();
      }
      expect(sum(file('basic'))).to.equal(expected);
    });
  }
});

const FTPLIB = `
import ftplib, io, ssl, sys
host, port, mode, ca, path = sys.argv[1:]
ftp = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=ca), timeout=20)
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
