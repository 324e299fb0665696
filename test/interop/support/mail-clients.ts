import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { ImapFlow } from 'imapflow';
import nodemailer from 'nodemailer';
import { folderWith } from '../../support/folder.ts';
import { type ClientResult, runClient } from './client-process.ts';
import type { Front } from './fronts.ts';

/** Every user of the mail servers that the suite starts has it. */
export const PASSWORD = 'sesame';

const FROM = 'sender@example.org';

/** Mail clients at work, all over TLS that they verify. Each ends as a client does that has got what it wanted. */

/** Sends a mail of that subject to a user. */
export async function deliverWithSwaks(
  front: Front,
  dialect: 'ESMTP' | 'LMTP',
  mail: { readonly user: string; readonly subject: string },
): Promise<void> {
  const { stdout, status, transcript } = await swaks(front, dialect, [
    ...['--to', `${mail.user}@example.org`],
    ...['--header', `Subject: ${mail.subject}`],
  ]);
  expect(stdout, transcript).to.match(/^<~ {2}250 2\.0\.0 .*(Saved|queued as .*)$/m);
  expect(status, transcript).to.equal(0);
}

export function swaks(
  { port, caFile }: Front,
  dialect: 'ESMTP' | 'LMTP',
  more: readonly string[] = [],
): Promise<ClientResult> {
  const place = ['--server', 'localhost', '--port', String(port), '--protocol', dialect];
  const tls = ['--tls', '--tls-verify', '--tls-ca-path', caFile];
  const mail = ['--from', FROM, '--to', 'receiver@example.org'];
  return runClient('swaks', [...place, ...tls, ...mail, ...more]);
}

export function swaksInPlaintext({ port }: Front, more: readonly string[]): Promise<ClientResult> {
  return runClient('swaks', ['--server', 'localhost', '--port', String(port), '--from', FROM, ...more]);
}

/** Sends a mail of that subject to a user, and returns the last reply. */
export async function deliverWithNodemailer(
  { port, ca }: Front,
  dialect: 'ESMTP' | 'LMTP',
  { user, subject }: { readonly user: string; readonly subject: string },
): Promise<string> {
  const place = { host: 'localhost', port, lmtp: dialect === 'LMTP', requireTLS: true, tls: { ca } };
  const mail = { from: FROM, to: `${user}@example.org`, subject, text: 'interop' };
  const { response } = await nodemailer.createTransport(place).sendMail(mail);
  return response;
}

/** The first mail of a folder; `scheme` is curl's, with `s` at its end for implicit TLS. */
export async function readWithCurl(
  front: Front,
  user: string,
  { scheme = 'imap', folder = 'INBOX' } = {},
): Promise<string> {
  const path = /^pop3/.test(scheme) ? '1' : `${folder};MAILINDEX=1`;
  const { stdout, status, transcript } = await curl(front, scheme, path, ['--user', `${user}:${PASSWORD}`]);
  expect(status, transcript).to.equal(0);
  return stdout;
}

/** Insists on TLS. What is said on the wire is in the transcript. */
export function curl(
  { port, caFile }: Front,
  scheme: string,
  path: string,
  more: readonly string[],
): Promise<ClientResult> {
  const always = ['--disable', '--silent', '--verbose', '--max-time', '15', '--cacert', caFile, '--ssl-reqd'];
  return runClient('curl', [...always, ...more, `${scheme}://localhost:${port}/${path}`]);
}

/** The subject of a user's first mail. */
export async function readWithImapFlow({ port, ca }: Front, user: string): Promise<string | undefined> {
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
export async function readWithMbsync({ port, caFile }: Front, user: string): Promise<string> {
  const folder = await folderWith();
  const account = ['IMAPAccount far', 'Host localhost', `Port ${port}`, `User ${user}`, `Pass ${PASSWORD}`];
  const tls = ['SSLType STARTTLS', 'SystemCertificates no', `CertificateFile ${caFile}`, 'AuthMechs PLAIN'];
  const stores = ['IMAPStore far', 'Account far', '', 'MaildirStore near', `Inbox ${join(folder, 'mail')}`];
  const channel = ['Channel all', 'Far :far:', 'Near :near:', 'Create Near', `SyncState ${folder}/`];
  const lines = [...account, ...tls, '', ...stores, '', ...channel, ''];
  const config = join(await folderWith({ mbsyncrc: lines.join('\n') }), 'mbsyncrc');
  const { status, transcript } = await runClient('mbsync', ['-c', config, '-a']);
  expect(status, transcript).to.equal(0);
  return onlyFileIn(join(folder, 'mail', 'new'));
}

export async function readWithMpop({ port, caFile }: Front, user: string): Promise<string> {
  const folder = await folderWith();
  const mail = join(folder, 'mail');
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(mail, name), { recursive: true });
  const tls = ['--tls=on', '--tls-starttls=on', `--tls-trust-file=${caFile}`];
  const login = [`--user=${user}`, `--passwordeval=echo ${PASSWORD}`, '--auth=plain'];
  const place = ['--host=localhost', `--port=${port}`, `--deliver=maildir,${mail}`];
  const own = ['--file=/dev/null', '--keep=on', `--uidls-file=${join(folder, 'uidls')}`];
  const { status, transcript } = await runClient('mpop', [...own, ...place, ...login, ...tls]);
  expect(status, transcript).to.equal(0);
  return onlyFileIn(join(mail, 'new'));
}

/** Uploads a script that puts all mail into `folder`, makes it the active one, and lists the scripts. */
export async function uploadWithSieveConnect(front: Front, user: string, folder: string): Promise<string> {
  const script = `require ["fileinto", "mailbox"];\nfileinto :create "${folder}";\n`;
  const file = join(await folderWith({ script }), 'script');
  const commands = `upload "${file}" "filing"\nactivate "filing"\nlist\n`;
  const { stdout, status, transcript } = await sieveConnect(front, user, [
    ...['--exec', join(await folderWith({ commands }), 'commands')],
  ]);
  expect(status, transcript).to.equal(0);
  return stdout;
}

export function sieveConnect(
  { port, caFile }: Front,
  user: string,
  action: readonly string[],
): Promise<ClientResult> {
  const place = ['--server', 'localhost', '--nosrv', '--port', String(port), '--tlscafile', caFile];
  const login = ['--user', user, '--passwordfd', '0'];
  return runClient('sieve-connect', [...place, ...login, ...action], { input: `${PASSWORD}\n` });
}

function onlyFileIn(folder: string): string {
  const [file = '', ...more] = readdirSync(folder);
  expect(more).to.deep.equal([]);
  return readFileSync(join(folder, file), 'latin1');
}
