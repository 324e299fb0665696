import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import { type CertificateArguments, KeptCertificates } from '../../src/cli/kept-certificates.ts';
import { type Log, silent } from '../../src/log.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { Server } from '../../src/server.ts';
import { AcmeAuthority } from '../support/acme-authority.ts';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { opensslCertificate } from '../support/openssl-certificate.ts';
import { visit } from '../support/returning-client.ts';

describe('src/cli/kept-certificates', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);

  before(async () => {
    const { authority, server, client } = await testCertificates();
    folder = await folderWith({
      'a.pem': server.cert,
      'a.key': server.key,
      'b.pem': client.cert + client.key,
      'ca.pem.txt': authority.cert,
      secret: 'x'.repeat(32),
      short: 'x'.repeat(31),
    });
  });
  after(removeFolders);

  const opened = (options: Partial<CertificateArguments>, log = silent) =>
    KeptCertificates.open({ clientCert: 'none', ...options }, log);

  it('are those of files, then those of directories', async () => {
    const { server, client } = await testCertificates();
    const { tls, caFile } = await opened({ cert: [file('b.pem')], certDirectory: [folder] });
    const both = client.cert + client.key;
    expect([tls.certificate, ...(tls.certificates ?? [])].map(({ cert }) => cert)).to.deep.equal([
      both,
      server.cert,
      both,
    ]);
    expect(caFile).to.equal(undefined);
  });

  it('have OCSP responses where they name a responder, unless that is turned off', async () => {
    const { authority } = await testCertificates();
    const extensions = ['authorityInfoAccess=OCSP;URI:http://127.0.0.1:1/'];
    const { cert, key } = await opensslCertificate({ commonName: 'named', extensions }, authority);
    const named = join(await folderWith({ 'named.pem': cert + authority.cert + key }), 'named.pem');
    expect((await opened({ cert: [named] })).tls).to.have.property('staples');
    expect((await opened({ cert: [named], ocsp: false })).tls).to.not.have.property('staples');
    expect((await opened({ cert: [file('b.pem')] })).tls).to.not.have.property('staples');
  });

  it('come with what is asked of clients, and with keys for tickets', async () => {
    const { authority } = await testCertificates();
    const { tls } = await opened({
      certDirectory: [folder],
      ca: file('ca.pem.txt'),
      clientCert: 'require',
      clientSubject: ['alice'],
      strictSni: true,
      ticketSecret: file('secret'),
    });
    expect(tls).to.include({ ca: authority.cert, clientCertificate: 'require', unknownName: 'refuse' });
    expect(tls.clientSubjects).to.deep.equal(['alice']);
    const { tls: other } = await opened({ certDirectory: [folder], ticketSecret: file('secret') });
    expect(tls.ticketKeys?.for('any')).to.deep.equal(other.ticketKeys?.for('any'));
  });

  const senseless: [Partial<CertificateArguments>, RegExp][] = [
    [{ key: ['a'] }, /--key needs --cert$/],
    [{ cert: ['a', 'b'], key: ['a'] }, /--key is for each of them or for none$/],
    [{ clientCert: 'request' }, /--client-cert request needs --ca$/],
    [{ crl: ['a'] }, /--crl needs --ca$/],
    [{ clientSubject: ['a'] }, /--client-subject needs --client-cert require$/],
    [{ acme: ['a.example.org'] }, /--acme needs --acme-agree$/],
    [{ ticketSecret: 'none' }, /--ticket-secret: none: cannot be read \(ENOENT\)$/],
  ];
  for (const [options, message] of senseless) {
    it(`are not taken with ${Object.keys(options).join(' and ')} alone`, async () => {
      const error = await opened(options).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'ERR_OPTION');
      expect(String(error)).to.match(message);
    });
  }

  it('need a secret that cannot be guessed', async () => {
    const error = await opened({ ticketSecret: file('short') }).catch((reason: unknown) => reason);
    expect(String(error)).to.match(/--ticket-secret: .*short: has less than 32 bytes$/);
  });

  describe('of an ACME authority', () => {
    let authority: AcmeAuthority;

    beforeEach(async () => {
      authority = await AcmeAuthority.listening();
    });
    afterEach(() => {
      authority.close();
      process.removeAllListeners('SIGHUP');
    });

    /** The log says where challenges are answered. */
    const log = (): Log => ({
      ...silent,
      info: (fields: { readonly port?: number }, message) => {
        if (message === 'listening for challenges') Object.assign(authority.ports, { http: fields.port });
      },
    });
    const asked = async (options: Partial<CertificateArguments> = {}) =>
      opened(
        {
          acme: ['mail.example.org,www.example.org'],
          acmeAgree: true,
          acmeAuthority: `${authority.url}/`,
          acmeContact: 'me@example.org',
          acmeFolder: await folderWith(),
          ...options,
        },
        log(),
      );
    const listening = (kept: KeptCertificates, tls: 'implicit' | 'required') =>
      new Server({ protocol: line, tls, ...kept.tls });

    for (const policy of ['implicit', 'required'] as const) {
      it(`are there as soon as it has issued them (${policy})`, async () => {
        const acmeHttp = { host: '127.0.0.1', port: 0 };
        const kept = await asked(policy === 'implicit' ? {} : { acmeHttp });
        const server = listening(kept, policy);
        const renewed = new Promise<void>(resolve => {
          server.replaceTls = () => resolve();
        });
        kept.renew([server]);
        authority.ports.tls = (await server.listen({ port: 0 })).port;
        await renewed;
        expect(authority.orders).to.deep.equal([['mail.example.org', 'www.example.org']]);
        await server.close({ within: 0 });
      });
    }

    it('need somebody who can answer it', async () => {
      const kept = await asked();
      expect(() => kept.renew([listening(kept, 'required')])).to.throw(/--acme needs --acme-http, or --tls/);
    });
  });

  it('leave a server as it is that does not take them, and say so', async () => {
    const messages: string[] = [];
    const told = new Promise<void>(resolve => {
      const say = (_: object, message: string) => {
        messages.push(message);
        if (message === 'certificates not replaced') resolve();
      };
      const log: Log = { debug: say, info: say, warn: say, error: say };
      void (async () => {
        const { server } = await testCertificates();
        const own = await folderWith({ 'a.pem': server.cert + server.key });
        const kept = await opened({ cert: [join(own, 'a.pem')] }, log);
        const unwilling = {
          protocol: { name: 'x' },
          replaceTls: () => {
            throw new Error('no');
          },
        };
        kept.renew([unwilling as unknown as Server]); // what is asked of it
        const renewed = await issueCertificate({ commonName: 'renewed', days: 2 });
        await writeFile(join(own, 'a.pem'), renewed.cert + renewed.key);
        process.emit('SIGHUP');
      })();
    });
    await told;
    process.removeAllListeners('SIGHUP');
    expect(messages).to.include('certificate renewed');
  });

  for (const [role, ...args] of [['serve'], ['proxy', '--to', '127.0.0.1:9']]) {
    it(`are renewed in a running ${role}, at SIGHUP, and its clients resume`, async function () {
      this.timeout(30_000);
      const { authority } = await testCertificates();
      const issued = (commonName: string) =>
        issueCertificate({ commonName, days: 20, names: ['localhost'] }, authority);
      const [before, after] = [await issued('before'), await issued('after')];
      const own = await folderWith({ 'a.pem': before.cert, 'a.key': before.key });
      const address = role === 'serve' ? ['--port', '0'] : ['--listen', '127.0.0.1:0'];
      const command = new CommandProcess([
        role ?? '',
        'line',
        '--tls',
        'implicit',
        ...address,
        ...args,
        '--cert-directory',
        own,
      ]);
      try {
        const port = Number((await command.until(/127\.0\.0\.1:(\d+)/))[1]);
        const first = await visit(port);
        expect(first.subject).to.equal('before');
        await writeFile(join(own, 'a.pem'), after.cert);
        await writeFile(join(own, 'a.key'), after.key);
        command.kill('SIGHUP');
        await command.until(/"certificates reloaded"/, 'stderr');
        expect((await visit(port)).subject).to.equal('after');
        expect(await visit(port, { ...(first.session && { session: first.session }) })).to.include({
          resumed: true,
        });
        expect(command.stderr).to.contain('"msg":"certificate renewed"');
      } finally {
        command.kill('SIGKILL');
        await command.exit();
      }
    });
  }
});
