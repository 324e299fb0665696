import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { axios } from 'acme-client';
import { expect } from 'chai';
import { AcmeCertificates } from '../../src/acme/acme-certificates.ts';
import { ChallengeListener } from '../../src/net/challenge-listener.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { sClient } from '../support/s-client.ts';
import { describeClient } from './support/needed-client.ts';
import { Pebble } from './support/pebble.ts';

const NAMES = ['mail.example.org', 'www.example.org'];

describeClient('pebble', () => {
  let pebble: Pebble;

  before(async () => {
    pebble = await Pebble.prepared();
  });
  beforeEach(() => pebble.start());
  afterEach(() => pebble.kill());
  after(removeFolders);

  for (const [challenge, policy] of [
    ['HTTP-01', 'required'],
    ['TLS-ALPN-01', 'implicit'],
    ['TLS-ALPN-01', 'auto'],
  ] as const) {
    it(`issues to the command by ${challenge}, with TLS ${policy}, and a client trusts it`, async () => {
      const folder = await folderWith();
      const http = challenge === 'HTTP-01' ? ['--acme-http', `127.0.0.1:${pebble.httpPort}`] : [];
      const acme = [
        '--acme',
        NAMES.join(),
        '--acme-agree',
        '--acme-authority',
        pebble.url,
        '--acme-folder',
        folder,
      ];
      const command = new CommandProcess(
        ['serve', 'line', '--port', String(pebble.tlsPort), '--tls', policy, ...acme, ...http],
        { NODE_EXTRA_CA_CERTS: pebble.caFile },
      );
      try {
        await command.until(/certificate issued/, 'stderr');
        await command.until(/certificate renewed/, 'stderr');
        await writeFile(join(folder, 'root.pem'), await pebble.root());
        for (const name of NAMES) {
          const args = [
            '-CAfile',
            join(folder, 'root.pem'),
            '-verify_return_error',
            '-verify_hostname',
            name,
          ];
          const upgrade = policy === 'required' ? ['-starttls', 'sieve'] : [];
          const said = await sClient(pebble.tlsPort, '-servername', name, ...args, ...upgrade);
          expect(said.stdout, said.stderr).to.contain('Verify return code: 0 (ok)');
          expect(said.stdout).to.contain(`Verified peername: ${name}`);
        }
      } finally {
        command.kill('SIGKILL');
        await command.exit();
      }
    });
  }

  it('renews at two thirds of the lifetime, is killed, and is found when it comes back', async () => {
    axios.defaults.httpsAgent = pebble.agent;
    let now = Date.now();
    const folder = await folderWith();
    const options = {
      names: [NAMES],
      folder,
      authority: pebble.url,
      termsAgreed: true,
      clock: () => now,
      retry: 100,
    };
    const http = new ChallengeListener();
    await http.listen({ port: pebble.httpPort });
    const first = await AcmeCertificates.open(options);
    const file = join(first.source.directory, `${NAMES[0]}.pem`);
    first.start({ http });
    await once(first, 'issued');
    first.stop();
    const before = await readFile(file, 'utf8');

    now += 4 * 365 * 86_400_000; // of the five years that Pebble gives
    await pebble.kill();
    const second = await AcmeCertificates.open(options);
    second.start({ http });
    for (let failure = 0; failure < 3; failure += 1) {
      const [error] = await once(second, 'failed');
      expect(error).to.have.property('code', 'ERR_ACME');
      now += 3_600_000;
    }
    expect(await readFile(file, 'utf8')).to.equal(before);
    await pebble.start();
    now += 3_600_000;
    await once(second, 'issued');
    second.stop();
    await http.close();
    expect(await readFile(file, 'utf8')).to.not.equal(before);
  });
});
