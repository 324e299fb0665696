import { expect } from 'chai';
import { type Dovecot, type DovecotPort, ELSEWHERE, startDovecot } from './servers/dovecot.ts';
import { runClient } from './support/client-process.ts';
import { expectFindingsOfGuide } from './support/findings.ts';
import { type Front, useFronts } from './support/fronts.ts';
import * as client from './support/mail-clients.ts';
import { describeClient } from './support/needed-client.ts';

const CLIENTS = 'swaks curl mpop mbsync sieve-connect openssl';
const IS_INSTALLED = ['sh', '-c', `which dovecot ${CLIENTS} && test $(id -u) = 0`];
const PROTOCOLS = ['lmtp', 'imap', 'pop3', 'sieve'] as const;

type Protocol = (typeof PROTOCOLS)[number];

describeClient('backend Dovecot', testDovecot, IS_INSTALLED);

function testDovecot(): void {
  describe('without TLS', () => {
    const dovecot = useDovecot({ tls: false });
    describe('behind the command', () => testBehindCommand(dovecot));
    describe('behind a proxy', () => testBehindProxy(dovecot));
  });
  describe('with TLS', () => {
    const dovecot = useDovecot({ tls: true });
    describe('behind a proxy', () => testWithTls(dovecot));
    describe('when it is probed', () => testProbe(dovecot));
  });
}

function useDovecot(options: { readonly tls: boolean }): () => Dovecot {
  let dovecot: Dovecot | undefined;
  before('Dovecot starts', async () => {
    dovecot = await startDovecot(options);
  });
  after('Dovecot stops', () => dovecot?.stop());
  return () => {
    if (dovecot === undefined) throw new Error('Dovecot has not started');
    return dovecot;
  };
}

function testBehindCommand(dovecot: () => Dovecot): void {
  const fronts = useFronts();
  const front = {} as Record<Protocol, Front>; // filled before the tests
  before('proxies start', async () => {
    const starting = PROTOCOLS.map(async name => {
      front[name] = await fronts.command(name, dovecot().ports[name]);
    });
    await Promise.all(starting);
  });

  it('takes mail by LMTP from swaks, and gives it to curl by IMAP', async () => {
    await client.deliverWithSwaks(front.lmtp, 'LMTP', { user: 'anna', subject: 'One' });
    expect(await client.readWithCurl(front.imap, 'anna')).to.match(/^Subject: One\r\n/m);
  });

  it('takes mail by LMTP from nodemailer, and gives it to imapflow', async () => {
    const response = await client.deliverWithNodemailer(front.lmtp, 'LMTP', {
      user: 'berta',
      subject: 'Two',
    });
    expect(response).to.match(/^250 2\.0\.0 .* Saved/);
    expect(await client.readWithImapFlow(front.imap, 'berta')).to.equal('Two');
  });

  it('gives mail to mbsync by IMAP', async () => {
    await client.deliverWithSwaks(front.lmtp, 'LMTP', { user: 'carl', subject: 'Three' });
    expect(await client.readWithMbsync(front.imap, 'carl')).to.match(/^Subject: Three\r?\n/m);
  });

  it('gives mail to mpop by POP3', async () => {
    await client.deliverWithSwaks(front.lmtp, 'LMTP', { user: 'doris', subject: 'Four' });
    expect(await client.readWithMpop(front.pop3, 'doris')).to.match(/^Subject: Four\n/m);
  });

  it('takes a script from sieve-connect, and files mail by it', async () => {
    expect(await client.uploadWithSieveConnect(front.sieve, 'emil', 'Filed')).to.match(/^"filing" ACTIVE$/m);
    await client.deliverWithSwaks(front.lmtp, 'LMTP', { user: 'emil', subject: 'Five' });
    expect(await client.readWithCurl(front.imap, 'emil', { folder: 'Filed' })).to.match(
      /^Subject: Five\r\n/m,
    );
  });
}

function testBehindProxy(dovecot: () => Dovecot): void {
  const fronts = useFronts();
  const CLIENT = '127.0.0.9';

  it('is the same to clients that turn TLS on where it is optional, and to one that does not', async () => {
    const start = (name: Protocol) => fronts.proxy(name, dovecot().ports[name], { tls: 'optional' });
    const [lmtp, imap, pop3, sieve] = await Promise.all([
      ...[start('lmtp'), start('imap'), start('pop3'), start('sieve')],
    ] as const);
    await client.uploadWithSieveConnect(sieve, 'fritz', 'INBOX');
    await client.deliverWithSwaks(lmtp, 'LMTP', { user: 'fritz', subject: 'Six' });
    expect(await client.readWithImapFlow(imap, 'fritz')).to.equal('Six');
    expect(await client.readWithCurl(pop3, 'fritz', { scheme: 'pop3' })).to.match(/^Subject: Six\r\n/m);
    const plain = ['--disable', '--silent', '--user', `fritz:${client.PASSWORD}`, '--max-time', '15'];
    const { stdout } = await runClient('curl', [...plain, `pop3://localhost:${pop3.port}/1`]);
    expect(stdout).to.match(/^Subject: Six\r\n/m);
  });

  it('is read by curl where TLS comes first', async () => {
    const lmtp = await fronts.proxy('lmtp', dovecot().ports.lmtp, { tls: 'auto' });
    const imap = await fronts.proxy('imap', dovecot().ports.imap, { tls: 'implicit' });
    await client.deliverWithSwaks(lmtp, 'LMTP', { user: 'gerda', subject: 'Seven' });
    expect(await client.readWithCurl(imap, 'gerda', { scheme: 'imaps' })).to.match(/^Subject: Seven\r\n/m);
  });

  it('learns from a PROXY header where the client is, and that it has TLS', async () => {
    const options = { sendProxy: 'v2' } as const;
    const lmtp = await fronts.proxy('lmtp', dovecot().ports['lmtp-proxied'], options);
    const imap = await fronts.proxy('imap', dovecot().ports['imap-proxied'], options);
    await client.swaks(lmtp, 'LMTP', ['--to', 'hans@example.org', '--local-interface', CLIENT]);
    await dovecot().logged(new RegExp(`lmtp.*: Connect from ${CLIENT}`));
    const login = ['--user', `hans:${client.PASSWORD}`, '--interface', CLIENT];
    const { status, transcript } = await client.curl(imap, 'imap', 'INBOX;MAILINDEX=1', login);
    await dovecot().logged(new RegExp(`imap-login: Info: Login: user=<hans>.* rip=${CLIENT}, .* secured`));
    expect(status, transcript).to.equal(0);
  });

  it('learns from a PROXY header of version 1 where the client is, and takes no password from there', async () => {
    const pop3 = await fronts.proxy('pop3', dovecot().ports['pop3-proxied'], { sendProxy: 'v1' });
    const imap = await fronts.proxy('imap', dovecot().ports['imap-proxied'], { sendProxy: 'v1' });
    const login = ['--user', `ina:${client.PASSWORD}`, '--interface', CLIENT];
    const { stderr } = await client.curl(imap, 'imap', '', login);
    expect(stderr).to.match(/^< \* CAPABILITY .* LOGINDISABLED/m);
    await client.curl(pop3, 'pop3', '', login);
    await dovecot().logged(new RegExp(`imap-login: .* rip=${CLIENT}, `));
    await dovecot().logged(new RegExp(`pop3-login: .* rip=${CLIENT}, `));
  });

  it('is missed by its clients in the words of their protocol', async () => {
    const [lmtp, imap, pop3, sieve] = await Promise.all(
      PROTOCOLS.map(async name => fronts.proxy(name, await fronts.deadPort())),
    );
    if (!lmtp || !imap || !pop3 || !sieve) throw new Error('four proxies');
    expect((await client.swaks(lmtp, 'LMTP')).stdout).to.match(/^<~\* 421 4\.\d\.\d /m);
    const login = ['--user', `nobody:${client.PASSWORD}`];
    expect((await client.curl(imap, 'imap', '', login)).stderr).to.match(/^< \* BYE \[UNAVAILABLE\] /m);
    expect((await client.curl(pop3, 'pop3', '', login)).stderr).to.match(/^< -ERR \[SYS\/TEMP\] /m);
    const { transcript } = await client.sieveConnect(sieve, 'nobody', ['--list', '--debug']);
    expect(transcript).to.match(/^<<< BYE \(TRYLATER\) /m);
  });
}

function testWithTls(dovecot: () => Dovecot): void {
  const fronts = useFronts();

  it('is read over TLS on both sides, turned on by the upgrade or there from the first byte', async () => {
    const ca = dovecot().identity?.ca ?? '';
    const upgrade = { toTls: { mode: 'upgrade', ca } } as const;
    const implicit = { toTls: { mode: 'implicit', ca } } as const;
    const front = (name: Protocol, port: DovecotPort, options: typeof upgrade | typeof implicit) =>
      fronts.proxy(name, dovecot().ports[port], options);
    await client.uploadWithSieveConnect(await front('sieve', 'sieve', upgrade), 'karl', 'INBOX');
    await client.deliverWithSwaks(await front('lmtp', 'lmtp', upgrade), 'LMTP', {
      user: 'karl',
      subject: 'A',
    });
    expect(await client.readWithImapFlow(await front('imap', 'imap', upgrade), 'karl')).to.equal('A');
    expect(await client.readWithMpop(await front('pop3', 'pop3', upgrade), 'karl')).to.match(
      /^Subject: A\n/m,
    );
    for (const [name, port] of [
      ['imap', 'imaps'],
      ['pop3', 'pop3s'],
    ] as const) {
      const read = await client.readWithCurl(await front(name, port, implicit), 'karl', { scheme: name });
      expect(read).to.match(/^Subject: A\r\n/m);
    }
    await dovecot().logged(/Login: user=<karl>.* TLS/);
  });

  it('is not believed by a proxy that does not know its authority', async () => {
    const imap = await fronts.proxy('imap', dovecot().ports.imap, { toTls: { mode: 'upgrade' } });
    const { stderr } = await client.curl(imap, 'imap', '', ['--user', `nobody:${client.PASSWORD}`]);
    expect(stderr).to.match(/^< \* BYE \[UNAVAILABLE\] /m);
  });
}

function testProbe(dovecot: () => Dovecot): void {
  it('has the findings that the guide says', async () => {
    const { ports, identity } = dovecot();
    await expectFindingsOfGuide('Dovecot', {
      ca: identity?.ca ?? '',
      targets: {
        imap: `imap://${ELSEWHERE}:${ports.imap}`,
        'imap, at its own address': `imap://127.0.0.1:${ports.imap}`,
        imaps: `imaps://${ELSEWHERE}:${ports.imaps}`,
        pop3: `pop3://${ELSEWHERE}:${ports.pop3}`,
        pop3s: `pop3s://${ELSEWHERE}:${ports.pop3s}`,
        sieve: `sieve://${ELSEWHERE}:${ports.sieve}`,
        lmtp: `lmtp://${ELSEWHERE}:${ports.lmtp}`,
      },
    });
  });
}
