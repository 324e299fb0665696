import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { type Dovecot, startDovecot } from './servers/dovecot.ts';
import { type Postfix, type PostfixOptions, startPostfix } from './servers/postfix.ts';
import { expectFindingsOfGuide } from './support/findings.ts';
import { type Front, useFronts } from './support/fronts.ts';
import * as client from './support/mail-clients.ts';
import { describeClient } from './support/needed-client.ts';

const IS_INSTALLED = ['sh', '-c', 'which postfix dovecot swaks curl && test $(id -u) = 0'];

describeClient('backend Postfix', testPostfix, IS_INSTALLED);

function testPostfix(): void {
  describe('without TLS', () => {
    const postfix = usePostfix({ tls: false });
    describe('behind a proxy', () => testBehindProxy(postfix));
  });
  describe('without TLS, between two proxies', testRelayToDovecot);
  describe('with TLS', () => {
    const postfix = usePostfix({ tls: true });
    describe('behind a proxy', () => testWithTls(postfix));
    describe('when it is probed', () => testProbe(postfix));
  });
}

function usePostfix(options: PostfixOptions): () => Postfix {
  let postfix: Postfix | undefined;
  before('Postfix starts', async () => {
    postfix = await startPostfix(options);
  });
  after('Postfix stops', () => postfix?.stop());
  return () => {
    if (postfix === undefined) throw new Error('Postfix has not started');
    return postfix;
  };
}

/** The one mail that Postfix has delivered to a user. */
async function delivered(postfix: Postfix, user: string): Promise<string> {
  await postfix.logged(new RegExp(`virtual.* to=<${user}@example\\.org>.* status=sent`));
  const folder = postfix.path('mail/all/new');
  const files = await readdir(folder);
  const mails = await Promise.all(files.map(file => readFile(`${folder}/${file}`, 'latin1')));
  const [mail = '', ...more] = mails.filter(text => text.includes(`\nDelivered-To: ${user}@example.org\n`));
  expect(more).to.deep.equal([]);
  return mail;
}

function testBehindProxy(postfix: () => Postfix): void {
  const fronts = useFronts();

  it('takes mail from swaks where TLS is required, and from nodemailer where it is optional', async () => {
    const required = await fronts.proxy('smtp', postfix().ports.smtp);
    const optional = await fronts.proxy('smtp', postfix().ports.smtp, { tls: 'optional' });
    await client.deliverWithSwaks(required, 'ESMTP', { user: 'anna', subject: 'One' });
    await client.deliverWithNodemailer(optional, 'ESMTP', { user: 'berta', subject: 'Two' });
    expect(await delivered(postfix(), 'anna')).to.match(/^Subject: One\n/m);
    expect(await delivered(postfix(), 'berta')).to.match(/^Subject: Two\n/m);
  });

  it('takes mail in plaintext where TLS is optional, and hears none where it is required', async () => {
    const optional = await fronts.proxy('smtp', postfix().ports.smtp, { tls: 'optional' });
    const required = await fronts.proxy('smtp', postfix().ports.smtp);
    const mail = ['--to', 'carl@example.org', '--header', 'Subject: Three'];
    const taken = await client.swaksInPlaintext(optional, mail);
    expect(taken.status, taken.transcript).to.equal(0);
    expect(await delivered(postfix(), 'carl')).to.match(/^Subject: Three\n/m);
    const refused = await client.swaksInPlaintext(required, mail);
    expect(refused.stdout, refused.transcript).to.match(/^<\*\* 530 5\.7\.0 /m);
  });

  for (const [port, version, address] of [
    ['smtp-proxied', 'v1', '127.0.0.11'],
    ['smtp-proxied', 'v2', '127.0.0.12'],
    ['postscreen-proxied', 'v1', '127.0.0.13'],
    ['postscreen-proxied', 'v2', '127.0.0.14'],
  ] as const) {
    it(`learns on the port ${port} from a PROXY header ${version} where the client is`, async () => {
      const front = await fronts.proxy('smtp', postfix().ports[port], { sendProxy: version });
      const { status, transcript } = await client.swaks(front, 'ESMTP', ['--local-interface', address]);
      expect(status, transcript).to.equal(0);
      const said = port === 'smtp-proxied' ? `connect from unknown\\[` : `CONNECT from \\[`;
      await postfix().logged(new RegExp(`${said}${address.replaceAll('.', '\\.')}\\]`));
    });
  }

  it('is missed by its clients in the words of their protocol', async () => {
    const front = await fronts.proxy('smtp', await fronts.deadPort());
    const { stdout, transcript } = await client.swaks(front, 'ESMTP');
    expect(stdout, transcript).to.match(/^<~\* 421 4\.\d\.\d /m);
  });
}

/** The way of a mail: swaks, a proxy, Postfix, its client of LMTP, a proxy, Dovecot, a proxy, curl. */
function testRelayToDovecot(): void {
  const fronts = useFronts();
  let dovecot: Dovecot | undefined;
  let postfix: Postfix | undefined;
  let smtp: Front;
  let imap: Front;
  before('the servers start', async () => {
    dovecot = await startDovecot({ tls: false });
    const lmtp = await fronts.proxy('lmtp', dovecot.ports.lmtp);
    imap = await fronts.proxy('imap', dovecot.ports.imap);
    postfix = await startPostfix({ tls: false, deliverTo: lmtp });
    smtp = await fronts.command('smtp', postfix.ports.smtp);
  });
  after('the servers stop', () => Promise.all([postfix?.stop(), dovecot?.stop()]));

  it('delivers by LMTP, verifies the certificate of the proxy, and the mail is read', async () => {
    await client.deliverWithSwaks(smtp, 'ESMTP', { user: 'dora', subject: 'Four' });
    await postfix?.logged(/Verified TLS connection established to localhost\[127\.0\.0\.1\].* TLSv1\.3/);
    await postfix?.logged(/lmtp.* to=<dora@example\.org>.* status=sent .* Saved/);
    expect(await client.readWithCurl(imap, 'dora')).to.match(/^Subject: Four\r\n/m);
  });
}

function testWithTls(postfix: () => Postfix): void {
  const fronts = useFronts();

  it('takes mail over TLS on both sides, turned on by the upgrade or there from the first byte', async () => {
    const ca = postfix().identity?.ca ?? '';
    const { submission, submissions } = postfix().ports;
    const upgrade = await fronts.proxy('smtp', submission, { toTls: { mode: 'upgrade', ca } });
    const implicit = await fronts.proxy('smtp', submissions, { toTls: { mode: 'implicit', ca } });
    await client.deliverWithSwaks(upgrade, 'ESMTP', { user: 'emil', subject: 'Five' });
    await client.deliverWithSwaks(implicit, 'ESMTP', { user: 'frida', subject: 'Six' });
    expect(await delivered(postfix(), 'emil')).to.match(/using TLSv1\.3 (.|\n)*^Subject: Five\n/m);
    expect(await delivered(postfix(), 'frida')).to.match(/using TLSv1\.3 (.|\n)*^Subject: Six\n/m);
  });

  it('is not believed by a proxy that does not know its authority', async () => {
    const front = await fronts.proxy('smtp', postfix().ports.smtp, { toTls: { mode: 'upgrade' } });
    const { stdout, transcript } = await client.swaks(front, 'ESMTP');
    expect(stdout, transcript).to.match(/^<~\* 421 4\.\d\.\d /m);
  });
}

function testProbe(postfix: () => Postfix): void {
  it('has the findings that the guide says', async () => {
    const { ports, identity } = postfix();
    await expectFindingsOfGuide('Postfix', {
      ca: identity?.ca ?? '',
      targets: {
        smtp: `smtp://127.0.0.1:${ports.smtp}`,
        'smtp, set as below': `smtp://127.0.0.1:${ports.submission}`,
        smtps: `smtps://127.0.0.1:${ports.submissions}`,
      },
    });
  });
}
