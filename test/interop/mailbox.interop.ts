import { expect } from 'chai';
import { ImapFlow } from 'imapflow';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';
import { WireLog } from './support/wire-log.ts';

describeClient('mpop', () => testFor('pop3', testMpop));
describeClient('mbsync', () => testFor('imap', testMbsync));
describe('imapflow', () => testFor('imap', testImapFlow));
describeClient('sieve-connect', () => testFor('sieve', testSieveConnect));

function testFor(protocol: string, test: (servers: Servers, name: string) => void): void {
  const servers = useServers();
  for (const { name } of protocolsNamed(protocol)) test(servers, name);
}

function testMpop(servers: Servers, name: string): void {
  const mpop = (caFile: string): Promise<ClientResult> => {
    const tls = ['--tls=on', '--tls-starttls=on', `--tls-trust-file=${caFile}`];
    const place = ['--host=localhost', `--port=${servers.port(name)}`];
    return runClient('mpop', ['--serverinfo', '--debug', ...place, ...tls]);
  };

  it('upgrades, verifies the certificate and gets the capabilities under TLS', async () => {
    const { stdout, status, transcript } = await mpop(servers.caFile);
    expect(stdout, transcript).to.match(/^TLS session parameters:\n +\(TLS1\.3\)/m);
    expect(stdout, transcript).to.match(/Subject:\n +CN=localhost\n +Issuer:\n +CN=Interop CA$/m);
    const [, plain = '', secure = ''] = stdout.split(/^--> CAPA\r?$/m);
    expect(plain, transcript)
      .to.match(/^<-- STLS\r?\n/m)
      .and.match(/^--> STLS\r?\n<-- \+OK /m);
    expect(secure, transcript)
      .to.match(/^<-- \+OK/m)
      .and.not.match(/^<-- STLS/m);
    expect(status, transcript).to.equal(0);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await mpop(servers.strangerFile);
    expect(stderr, transcript).to.match(/TLS certificate verification failed/);
    expect(status, transcript).to.equal(69);
  });
}

function testMbsync(servers: Servers, name: string): void {
  const mbsync = (caFile: string): Promise<ClientResult> => {
    const config = mbsyncConfig(servers.port(name), caFile, servers.path('mail'));
    return runClient('mbsync', ['-V', '-D', '-c', servers.file('mbsyncrc', config), '-a']);
  };

  it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
    const { stdout, status, transcript } = await mbsync(servers.caFile);
    const [plain = '', secure = ''] = stdout.split(/^Connection is now encrypted$/m);
    expect(plain, transcript).to.match(/^F: \* CAPABILITY IMAP4rev1 .*STARTTLS.* LOGINDISABLED/m);
    expect(secure, transcript).to.match(/^F: \* CAPABILITY IMAP4rev1(?!.*(STARTTLS|LOGINDISABLED))/m);
    expect(secure, transcript).to.match(/^F: >>> (\d+) LOGIN .*\r?\nF: \1 NO .*No mail service/m);
    expect(status, transcript).to.equal(1);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await mbsync(servers.strangerFile);
    expect(stderr, transcript).to.match(/SSL error .*unable to get local issuer certificate/);
    expect(status, transcript).to.equal(1);
  });
}

/** Blank lines end the sections. */
function mbsyncConfig(port: number, caFile: string, folder: string): string {
  const account = ['IMAPAccount interop', 'Host localhost', `Port ${port}`, 'User tester', 'Pass secret'];
  const tls = ['SSLType STARTTLS', 'SystemCertificates no', `CertificateFile ${caFile}`];
  const stores = ['IMAPStore far', 'Account interop', '', 'MaildirStore near', `Inbox ${folder}`];
  return [...account, ...tls, '', ...stores, '', 'Channel all', 'Far :far:', 'Near :near:', ''].join('\n');
}

function testImapFlow(servers: Servers, name: string): void {
  const clientOf = (ca: string | undefined, logger: WireLog): ImapFlow =>
    new ImapFlow({
      host: 'localhost',
      port: servers.port(name),
      secure: false,
      doSTARTTLS: true,
      auth: { user: 'tester', pass: 'secret' },
      ...(ca === undefined ? {} : { tls: { ca } }),
      logger,
    });

  it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
    const log = new WireLog();
    const client = clientOf(servers.ca, log);
    const error = await client.connect().catch((reason: unknown) => reason);
    expect(error).to.include({ authenticationFailed: true, responseStatus: 'NO' });
    expect(client.secureConnection).to.equal(true);
    expect(client.tls).to.include({ version: 'TLSv1.3', authorized: true });
    log.expectInOrder(
      [/^client: \d+ CAPABILITY$/, /^server: \* CAPABILITY IMAP4rev1 .*STARTTLS/],
      [/^client: \d+ STARTTLS$/, /^server: \d+ OK /, 'Established TLS session'],
      [/^client: \d+ CAPABILITY$/, /^server: \* CAPABILITY IMAP4rev1(?!.*(STARTTLS|LOGINDISABLED))/],
      [/^client: \d+ LOGIN /, /^server: \d+ NO .*No mail service/],
    );
  });

  it('does not trust a certificate whose authority it was not given', async () => {
    const error = await clientOf(undefined, new WireLog())
      .connect()
      .catch((reason: unknown) => reason);
    expect(String(error)).to.match(/unable to verify the first certificate/);
  });
}

function testSieveConnect(servers: Servers, name: string): void {
  const sieveConnect = (caFile: string): Promise<ClientResult> => {
    const place = ['--server', 'localhost', '--nosrv', '--port', String(servers.port(name))];
    const login = ['--user', 'tester', '--passwordfd', '0', '--list', '--debug', '--dumptlsinfo'];
    return runClient('sieve-connect', [...place, '--tlscafile', caFile, ...login], { input: 'secret\n' });
  };

  it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
    const { transcript } = await sieveConnect(servers.caFile);
    const [plain = '', secure = ''] = transcript.split(/^-T- TLS activated here /m);
    expect(plain, transcript).to.match(/verification verify-peer cert-required/);
    expect(plain, transcript)
      .to.match(/^<<< "STARTTLS"/m)
      .and.match(/^>>> STARTTLS\S*\n<<< OK /m);
    expect(transcript).to.match(/^Subject Name: \/CN=localhost\nIssuer {2}Name: \/CN=Interop CA/m);
    expect(secure, transcript)
      .to.match(/^<<< "IMPLEMENTATION" /m)
      .and.not.match(/^<<< "STARTTLS"/m);
    expect(secure, transcript).to.match(/^<<< OK \(TAG "STARTTLS-RESYNC-CAPA"\)/m);
    expect(secure, transcript).to.match(/^>>> AUTHENTICATE (.*\n)+<<< NO .*No Sieve service/m);
  });

  it('does not trust another authority', async () => {
    const { stderr, transcript } = await sieveConnect(servers.strangerFile);
    expect(stderr, transcript).to.match(/STARTTLS promotion failed: .*certificate verify failed/);
    expect(transcript).to.not.match(/AUTHENTICATE/);
  });
}
