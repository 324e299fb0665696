import { expect } from 'chai';
import nodemailer from 'nodemailer';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';
import { WireLog } from './support/wire-log.ts';

const known = protocolsNamed('smtp', 'lmtp');

const SWAKS_DOES_TLS = ['sh', '-c', 'which swaks && perl -MNet::SSLeay -e 1'];

describeClient('swaks', () => testEach(testSwaks), SWAKS_DOES_TLS);
describeClient('msmtp', () => testEach(testMsmtp));
describe('nodemailer', () => testEach(testNodemailer));

function testEach(test: (servers: Servers, protocol: Protocol) => void): void {
  const servers = useServers();
  for (const protocol of known) describe(protocol.name, () => test(servers, protocol));
}

function helloOf({ name }: Protocol): string {
  return name === 'lmtp' ? 'LHLO' : 'EHLO';
}

function testSwaks(servers: Servers, protocol: Protocol): void {
  const swaks = (caFile: string, ...more: readonly string[]): Promise<ClientResult> => {
    const place = ['--server', 'localhost', '--port', String(servers.port(protocol.name))];
    const dialect = ['--protocol', protocol.name === 'lmtp' ? 'LMTP' : 'ESMTP'];
    const tls = ['--tls', '--tls-verify', '--tls-ca-path', caFile];
    return runClient('swaks', [
      ...place,
      ...dialect,
      ...tls,
      '--helo',
      'client.example.org',
      '--quit-after',
      'EHLO',
      ...more,
    ]);
  };

  for (const [option, version] of Object.entries({ tlsv1_3: 'TLSv1.3', tlsv1_2: 'TLSv1.2' })) {
    it(`upgrades with ${version}, verifies the certificate and says its hello again`, async () => {
      const { stdout, status, transcript } = await swaks(servers.caFile, '--tls-protocol', option);
      const [plain = '', secure = ''] = stdout.split(/^=== TLS started with cipher /m);
      expect(plain, transcript).to.match(/^<- {2}250-STARTTLS$/m);
      expect(secure, transcript).to.match(new RegExp(`^${version}:`));
      expect(secure, transcript).to.include('=== TLS peer DN="/CN=localhost"');
      expect(secure, transcript).to.match(
        new RegExp(`^ ~> ${helloOf(protocol)} .*\\n<~ {2}250-localhost$`, 'm'),
      );
      expect(secure, transcript)
        .to.match(/^<~ {2}221 /m)
        .and.not.match(/STARTTLS/);
      expect(status, transcript).to.equal(0);
    });
  }

  it('does not trust another authority', async () => {
    const { stdout, stderr, status, transcript } = await swaks(servers.strangerFile);
    expect(stdout + stderr, transcript).to.match(/TLS startup failed .*certificate verify failed/);
    expect(status, transcript).to.equal(29);
  });
}

function testMsmtp(servers: Servers, { name }: Protocol): void {
  const msmtp = (caFile: string): Promise<ClientResult> => {
    const place = ['--host=localhost', `--port=${servers.port(name)}`, `--protocol=${name}`];
    const tls = ['--tls=on', '--tls-starttls=on', `--tls-trust-file=${caFile}`];
    return runClient('msmtp', ['--serverinfo', ...place, ...tls]);
  };

  it('upgrades, verifies the certificate and lists what is offered under TLS', async () => {
    const { stdout, status, transcript } = await msmtp(servers.caFile);
    expect(stdout, transcript).to.match(/^TLS session parameters:\n +\(TLS1\.3\)/m);
    expect(stdout, transcript).to.match(/Subject:\n +CN=localhost\n +Issuer:\n +CN=Interop CA$/m);
    expect(stdout, transcript).to.match(/^Capabilities:\n +PIPELINING:$/m);
    expect(status, transcript).to.equal(0);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await msmtp(servers.strangerFile);
    expect(stderr, transcript).to.match(/TLS certificate verification failed/);
    expect(status, transcript).to.equal(69);
  });
}

function testNodemailer(servers: Servers, protocol: Protocol): void {
  const send = async (ca: string | undefined, log: WireLog): Promise<unknown> => {
    const transport = nodemailer.createTransport({
      host: 'localhost',
      port: servers.port(protocol.name),
      name: 'client.example.org',
      lmtp: protocol.name === 'lmtp',
      requireTLS: true,
      tls: ca === undefined ? {} : { ca },
      logger: log,
      debug: true,
    });
    const mail = { from: 'a@example.org', to: 'b@example.org', text: 'interop' };
    return transport.sendMail(mail).catch((error: unknown) => error);
  };

  it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
    const log = new WireLog();
    const error = await send(servers.ca, log);
    const hello = `client: ${helloOf(protocol)} client.example.org`;
    log.expectInOrder(
      [
        hello,
        /^server: 250-localhost\r?\n(250.*\n)*250-STARTTLS/,
        'client: STARTTLS',
        /^server: 220 2\.0\.0 /,
      ],
      [/Connection upgraded with STARTTLS/, hello, /^server: 250-localhost\r?\n(?!(.|\n)*STARTTLS)/],
      [/^client: MAIL FROM/, /^server: 502 5\.5\.1 No mail service/],
    );
    expect(error).to.include({ responseCode: 502, command: 'MAIL FROM' });
    expect((await servers.ended(protocol.name)).at(-1)?.tls?.version).to.equal('TLSv1.3');
  });

  it('does not trust a certificate whose authority it was not given', async () => {
    const error = await send(undefined, new WireLog());
    expect(String(error)).to.match(/unable to verify the first certificate/);
  });
}
