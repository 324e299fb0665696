import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import nodemailer from 'nodemailer';
import { mailCatcher } from '../../docs/examples/mail-catcher.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

const FROM = 'sender@example.org';
const TO = 'receiver@example.org';
/** A line that begins with a dot has to come through as it is. */
const MAIL = `From: ${FROM}\r\nTo: ${TO}\r\nSubject: Interop\r\n\r\nfirst\r\n.dotted\r\nlast\r\n`;

/** Each gives the mail to the catcher, and returns what the client said of it. */
const deliveries: Readonly<Record<string, (servers: Servers, port: number) => Promise<string>>> = {
  curl: deliverWithCurl,
  swaks: deliverWithSwaks,
  msmtp: deliverWithMsmtp,
  python3: deliverWithPython,
  nodemailer: deliverWithNodemailer,
};

describe('mail-catcher', () => {
  const servers: Servers = useServers({
    application: session => mailCatcher({ maildir: servers.path('Maildir') })(session),
  });
  const folder = () => `${servers.path('Maildir')}/new`;
  afterEach(() => rmSync(folder(), { recursive: true, force: true }));

  for (const { name } of protocolsNamed('smtp')) {
    for (const [client, deliver] of Object.entries(deliveries)) {
      const tests = () => {
        it('delivers a mail over TLS', async () => {
          const said = await deliver(servers, servers.port(name));
          expect(said).to.match(/250 2\.0\.0 Delivered/);
          const [file, ...more] = readdirSync(folder());
          expect(more, said).to.deep.equal([]);
          const mail = readFileSync(`${folder()}/${file}`, 'latin1').replaceAll('\r\n', '\n');
          expect(mail).to.match(/^Received: from \[127\.0\.0\.1\] by localhost with ESMTPS/m);
          expect(mail).to.match(/\n\nfirst\n\.dotted\nlast\n+$/);
          expect((await servers.ended(name)).at(-1)?.error, said).to.equal(undefined);
        });
      };
      if (client === 'nodemailer') describe(client, tests);
      else describeClient(client, tests);
    }
  }
});

async function deliverWithCurl({ caFile }: Servers, port: number): Promise<string> {
  const mail = ['--mail-from', FROM, '--mail-rcpt', TO, '--upload-file', '-'];
  const always = ['--disable', '--silent', '--verbose', '--max-time', '15', '--ssl-reqd', '--cacert', caFile];
  return said('curl', [...always, ...mail, `smtp://localhost:${port}/client.example.org`], MAIL);
}

async function deliverWithSwaks(servers: Servers, port: number): Promise<string> {
  const tls = ['--tls', '--tls-verify', '--tls-ca-path', servers.caFile];
  const data = ['--from', FROM, '--to', TO, '--data', `@${servers.file('mail.txt', MAIL)}`];
  return said('swaks', ['--server', 'localhost', '--port', String(port), ...tls, ...data]);
}

async function deliverWithMsmtp({ caFile }: Servers, port: number): Promise<string> {
  const tls = ['--tls=on', '--tls-starttls=on', `--tls-trust-file=${caFile}`];
  // Debugging shows the replies; an account file of the user's must not be read.
  const own = ['--file=/dev/null', '--debug', `--from=${FROM}`];
  return said('msmtp', [...own, '--host=localhost', `--port=${port}`, ...tls, TO], MAIL);
}

async function deliverWithPython({ caFile }: Servers, port: number): Promise<string> {
  const program = [
    'import smtplib, ssl, sys',
    'client = smtplib.SMTP("localhost", int(sys.argv[1]), timeout=10)',
    'client.set_debuglevel(1)',
    'client.starttls(context=ssl.create_default_context(cafile=sys.argv[2]))',
    'client.sendmail(sys.argv[3], sys.argv[4], sys.stdin.read())',
    'client.quit()',
  ];
  return said('python3', ['-c', program.join('\n'), String(port), caFile, FROM, TO], MAIL);
}

async function deliverWithNodemailer({ ca }: Servers, port: number): Promise<string> {
  const transport = nodemailer.createTransport({ host: 'localhost', port, requireTLS: true, tls: { ca } });
  const { response } = await transport.sendMail({ envelope: { from: FROM, to: TO }, raw: MAIL });
  return response;
}

async function said(command: string, args: readonly string[], input = ''): Promise<string> {
  const { status, transcript } = await runClient(command, args, { input });
  expect(status, transcript).to.equal(0);
  return transcript;
}
