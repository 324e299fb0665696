import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { ImapFlow } from 'imapflow';
import nodemailer from 'nodemailer';
import { folderWith } from '../support/folder.ts';
import { type Dovecot, PASSWORD, startDovecot } from './servers/dovecot.ts';
import { runClient } from './support/client-process.ts';
import { type Front, useFronts } from './support/fronts.ts';
import { describeClient } from './support/needed-client.ts';

const IS_INSTALLED = ['sh', '-c', 'which dovecot swaks curl mpop mbsync sieve-connect && test $(id -u) = 0'];
const PROTOCOLS = ['lmtp', 'imap', 'pop3', 'sieve'] as const;

describeClient('backend Dovecot', testDovecot, IS_INSTALLED);

function testDovecot(): void {
  describe('without TLS, behind a proxy', testBehindProxy);
}

function testBehindProxy(): void {
  const fronts = useFronts();
  let dovecot: Dovecot;
  before('Dovecot starts', async () => {
    dovecot = await startDovecot({ tls: false });
  });
  after('Dovecot stops', () => dovecot?.stop());

  describe('as the command', () => {
    const front = {} as Record<(typeof PROTOCOLS)[number], Front>; // filled before the tests
    before('proxies start', async () => {
      const starting = PROTOCOLS.map(async name => {
        front[name] = await fronts.command(name, dovecot.ports[name]);
      });
      await Promise.all(starting);
    });

    it('takes mail by LMTP from swaks, and gives it to curl by IMAP', async () => {
      await deliverWithSwaks(front.lmtp, 'anna');
      expect(await readWithCurl(front.imap, 'anna')).to.match(/^Subject: By swaks\r\n/m);
    });

    it('takes mail by LMTP from nodemailer, and gives it to imapflow', async () => {
      await deliverWithNodemailer(front.lmtp, 'berta');
      expect(await readWithImapFlow(front.imap, 'berta')).to.equal('By nodemailer');
    });

    it('gives mail to mbsync', async () => {
      await deliverWithSwaks(front.lmtp, 'carl');
      expect(await readWithMbsync(front.imap, 'carl')).to.match(/^Subject: By swaks\r?\n/m);
    });

    it('gives mail to mpop', async () => {
      await deliverWithSwaks(front.lmtp, 'doris');
      expect(await readWithMpop(front.pop3, 'doris')).to.match(/^Subject: By swaks\n/m);
    });

    it('takes a script from sieve-connect, and files mail by it', async () => {
      expect(await uploadWithSieveConnect(front.sieve, 'emil')).to.match(/^"filing" ACTIVE$/m);
      await deliverWithSwaks(front.lmtp, 'emil');
      expect(await readWithCurl(front.imap, 'emil', 'Filed')).to.match(/^Subject: By swaks\r\n/m);
    });
  });
}

async function deliverWithSwaks({ port, caFile }: Front, user: string): Promise<void> {
  const place = ['--server', 'localhost', '--port', String(port), '--protocol', 'LMTP'];
  const tls = ['--tls', '--tls-verify', '--tls-ca-path', caFile];
  const mail = [
    '--from',
    'sender@example.org',
    '--to',
    `${user}@example.org`,
    '--header',
    'Subject: By swaks',
  ];
  const { stdout, status, transcript } = await runClient('swaks', [...place, ...tls, ...mail]);
  expect(stdout, transcript).to.match(/^<~ {2}250 2\.0\.0 .* Saved$/m);
  expect(status, transcript).to.equal(0);
}

async function deliverWithNodemailer({ port, ca }: Front, user: string): Promise<void> {
  const place = { host: 'localhost', port, lmtp: true, requireTLS: true, tls: { ca } };
  const mail = {
    from: 'sender@example.org',
    to: `${user}@example.org`,
    subject: 'By nodemailer',
    text: 'hi',
  };
  const { response } = await nodemailer.createTransport(place).sendMail(mail);
  expect(response).to.match(/^250 2\.0\.0 .* Saved/);
}

async function readWithCurl(front: Front, user: string, folder = 'INBOX'): Promise<string> {
  const always = ['--disable', '--silent', '--show-error', '--max-time', '15'];
  const tls = ['--ssl-reqd', '--cacert', front.caFile, '--user', `${user}:${PASSWORD}`];
  const url = `imap://localhost:${front.port}/${folder};MAILINDEX=1`;
  const { stdout, status, transcript } = await runClient('curl', [...always, ...tls, url]);
  expect(status, transcript).to.equal(0);
  return stdout;
}

async function readWithImapFlow({ port, ca }: Front, user: string): Promise<string | undefined> {
  const place = { host: 'localhost', port, secure: false, doSTARTTLS: true, tls: { ca } };
  const client = new ImapFlow({ ...place, auth: { user, pass: PASSWORD }, logger: false });
  await client.connect();
  expect(client.tls).to.include({ version: 'TLSv1.3', authorized: true });
  await client.mailboxOpen('INBOX');
  const message = await client.fetchOne('1', { envelope: true });
  await client.logout();
  return message === false ? undefined : message.envelope?.subject;
}

/** Blank lines end the sections of its configuration. */
async function readWithMbsync({ port, caFile }: Front, user: string): Promise<string> {
  const folder = await folderWith();
  const account = ['IMAPAccount far', 'Host localhost', `Port ${port}`, `User ${user}`, `Pass ${PASSWORD}`];
  const tls = ['SSLType STARTTLS', 'SystemCertificates no', `CertificateFile ${caFile}`, 'AuthMechs PLAIN'];
  const stores = ['IMAPStore far', 'Account far', '', 'MaildirStore near', `Inbox ${join(folder, 'mail')}`];
  const channel = ['Channel all', 'Far :far:', 'Near :near:', 'Create Near', `SyncState ${folder}/`];
  const config = await folderWith({
    mbsyncrc: [...account, ...tls, '', ...stores, '', ...channel, ''].join('\n'),
  });
  const { status, transcript } = await runClient('mbsync', ['-c', join(config, 'mbsyncrc'), '-a']);
  expect(status, transcript).to.equal(0);
  return onlyFileIn(join(folder, 'mail', 'new'));
}

async function readWithMpop({ port, caFile }: Front, user: string): Promise<string> {
  const folder = await folderWith();
  const mail = join(folder, 'mail');
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(mail, name), { recursive: true });
  const tls = ['--tls=on', '--tls-starttls=on', `--tls-trust-file=${caFile}`];
  const login = [`--user=${user}`, `--passwordeval=echo ${PASSWORD}`, '--auth=plain'];
  const place = ['--host=localhost', `--port=${port}`, `--deliver=maildir,${mail}`];
  const own = ['--file=/dev/null', `--uidls-file=${join(folder, 'uidls')}`];
  const { status, transcript } = await runClient('mpop', [...own, ...place, ...login, ...tls]);
  expect(status, transcript).to.equal(0);
  return onlyFileIn(join(mail, 'new'));
}

async function uploadWithSieveConnect({ port, caFile }: Front, user: string): Promise<string> {
  const folder = await folderWith({
    'filing.sieve': 'require ["fileinto", "mailbox"];\nfileinto :create "Filed";\n',
  });
  const commands = `upload "${join(folder, 'filing.sieve')}" "filing"\nactivate "filing"\nlist\n`;
  const script = await folderWith({ commands });
  const place = ['--server', 'localhost', '--nosrv', '--port', String(port), '--tlscafile', caFile];
  const login = ['--user', user, '--passwordfd', '0', '--exec', join(script, 'commands')];
  const { stdout, status, transcript } = await runClient('sieve-connect', [...place, ...login], {
    input: `${PASSWORD}\n`,
  });
  expect(status, transcript).to.equal(0);
  return stdout;
}

function onlyFileIn(folder: string): string {
  const [file = '', ...more] = readdirSync(folder);
  expect(more).to.deep.equal([]);
  return readFileSync(join(folder, file), 'latin1');
}
