import { expect } from 'chai';
import { INN_IS_INSTALLED, type Inn, NEWSGROUP, startInn } from './servers/inn.ts';
import { type Backend, describeBackend } from './support/backend.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { expectFindingsOfGuide } from './support/findings.ts';
import type { Front } from './support/fronts.ts';

/** Python has a client up to its version 3.12, which is what Debian 12 has. */
const PYTHON = 'python3 -W ignore -c "import nntplib"';

describeBackend<Inn>('INN', {
  installed: ['sh', '-c', `${INN_IS_INSTALLED} && which openssl && ${PYTHON}`],
  start: startInn,
  behindProxy: testBehindProxy,
  withTls: testWithTls,
});

function testBehindProxy(backend: Backend<Inn>): void {
  const { fronts } = backend;

  it('takes an article from nntplib, and gives it back', async () => {
    await postAndRead(await fronts.command('nntp', backend.server.ports.nntp));
  });

  for (const tls of ['optional', 'implicit'] as const) {
    it(`takes an article from nntplib, and gives it back, with TLS ${tls}`, async () => {
      await postAndRead(await fronts.proxy('nntp', backend.server.ports.nntp, { tls }), tls);
    });
  }

  it('gives an article to nntplib that has not turned TLS on, where it is optional', async () => {
    const optional = await fronts.proxy('nntp', backend.server.ports.nntp, { tls: 'optional' });
    const { stdout, transcript } = await news(optional, 'plain');
    expect(stdout, transcript).to.match(/^read: same$/m);
  });

  it('refuses an article in its own words', async () => {
    const { stdout, transcript } = await news(
      await fronts.proxy('nntp', backend.server.ports.nntp),
      'refused',
    );
    expect(stdout, transcript).to.match(/^refused: 441 .*\bSubject\b/m);
  });

  it('is told by the proxy to be gone when it is', async () => {
    const front = await fronts.proxy('nntp', await fronts.deadPort());
    const place = ['-connect', `localhost:${front.port}`, '-CAfile', front.caFile, '-verify_return_error'];
    const options = ['s_client', '-starttls', 'nntp', '-quiet', ...place]; // nntplib tells nobody
    const { stdout, transcript } = await runClient('openssl', options, { input: 'DATE\r\n' });
    expect(stdout, transcript).to.match(/^400 localhost Upstream cannot be reached\r$/m);
  });
}

function testWithTls(backend: Backend<Inn>): void {
  const { fronts } = backend;

  for (const [mode, port] of [
    ['upgrade', 'nntp'],
    ['implicit', 'nntps'],
  ] as const) {
    it(`is reached through a proxy under TLS on both legs, with its certificate verified, by ${mode}`, async () => {
      const toTls = { mode, ca: backend.identity.ca, servername: 'localhost' };
      await postAndRead(await fronts.proxy('nntp', backend.server.ports[port], { toTls }));
    });
  }

  it('has the findings that the guide says', async () => {
    const { nntp, nntps } = backend.server.ports;
    const targets = { nntp: `nntp://127.0.0.1:${nntp}`, nntps: `nntps://127.0.0.1:${nntps}` };
    await expectFindingsOfGuide('INN', { ca: backend.identity.ca, targets, unsteady: ['split-reply'] });
  }).timeout(120_000);
}

async function postAndRead(front: Front, tls?: 'optional' | 'implicit'): Promise<void> {
  const { stdout, status, transcript } = await news(front, tls === 'implicit' ? 'implicit' : 'upgrade');
  expect(stdout, transcript).to.match(/^tls: TLSv1\.3$/m);
  expect(stdout, transcript).to.match(/^capabilities: (?!.*STARTTLS).*IMPLEMENTATION.*INN/m);
  expect(stdout, transcript).to.match(/^posted: 240 /m);
  expect(stdout, transcript).to.match(/^read: same$/m);
  expect(status, transcript).to.equal(0);
}

/** It verifies the certificate and its name. */
function news(
  { port, caFile }: Front,
  what: 'upgrade' | 'implicit' | 'plain' | 'refused',
): Promise<ClientResult> {
  return runClient('python3', ['-W', 'ignore', '-c', NNTPLIB, String(port), caFile, what, NEWSGROUP]);
}

/** Lines that begin with dots, and a body that is more than a few segments. */
const NNTPLIB = `
import nntplib, ssl, sys
port, ca, what, group = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
place = dict(host='localhost', port=int(port), timeout=15)
if what == 'implicit':
    client = nntplib.NNTP_SSL(ssl_context=context, **place)
else:
    client = nntplib.NNTP(**place)
    if what != 'plain':
        client.starttls(context)
if what != 'plain':
    print('tls:', client.sock.version())
print('capabilities:', client.getcapabilities())
subject = '' if what == 'refused' else 'Subject: ' + what + '\\r\\n'
head = 'From: Anna <anna@example.org>\\r\\nNewsgroups: ' + group + '\\r\\n' + subject + '\\r\\n'
body = [b'.', b'..', b'.one'] + [b'%d ' % n + b'line ' * 12 for n in range(4000)]
try:
    print('posted:', client.post(head.encode() + b'\\r\\n'.join(body) + b'\\r\\n'))
except nntplib.NNTPError as error:
    print('refused:', error)
    sys.exit()
client.group(group)
last = client.group(group)[3]
_, article = client.body(str(last))
print('read:', 'same' if article.lines == body else 'other')
print('goodbye:', client.quit())
`;
