import { expect } from 'chai';
import type { Identity } from './servers/identity.ts';
import { type Prosody, startProsody, XMPP_PASSWORD } from './servers/prosody.ts';
import { ClientProcess, type ClientResult, runClient } from './support/client-process.ts';
import { type Front, useFronts } from './support/fronts.ts';
import { describeClient } from './support/needed-client.ts';
import { probed } from './support/probed.ts';

const IS_INSTALLED = ['which', 'prosody', 'go-sendxmpp'];

describeClient(
  'backend Prosody',
  () => {
    describe('without TLS, behind a proxy', testBehindProxy);
    describe('with TLS', testWithTls);
  },
  IS_INSTALLED,
);

function testBehindProxy(): void {
  const fronts = useFronts();
  let prosody: Prosody;
  before('Prosody starts', async () => {
    prosody = await startProsody({ tls: false });
  });
  after('Prosody stops', () => prosody?.stop());
  const front = (tls: 'required' | 'optional') => fronts.proxy('xmpp', prosody.ports.xmpp, { tls });

  for (const tls of ['required', 'optional'] as const) {
    it(`carries a message from go-sendxmpp to @xmpp/client, with TLS ${tls}`, async () => {
      await sendAndHear(await front(tls));
    });
  }

  it('carries a message from @xmpp/client to another', async () => {
    const required = await front('required');
    const hears = xmppClient(required, 'berta');
    await hears.heard(/^online$/m);
    const { transcript, status } = await xmppClient(required, 'anna', 'berta@localhost').result;
    expect(status, transcript).to.equal(0);
    await hears.heard(/^heard from anna@localhost\/\S+: hello from @xmpp\/client$/m);
    await hears.result;
  });

  it('refuses a wrong password in its own words', async () => {
    const { stderr, transcript } = await goSendxmpp(await front('required'), 'wrong');
    expect(stderr, transcript).to.match(/not-authorized|auth failure/);
  });

  it('is told by the proxy to be gone when it is', async () => {
    const required = await front('required');
    await prosody.stop();
    const { transcript, status } = await goSendxmpp(required);
    expect(transcript).to.contain('<remote-connection-failed ');
    expect(status, transcript).to.equal(1);
  });
}

function testWithTls(): void {
  const fronts = useFronts();
  let prosody: Prosody;
  let identity: Identity;
  before('Prosody starts', async () => {
    prosody = await startProsody({ tls: true });
    if (prosody.identity === undefined) throw new Error('a server without TLS');
    identity = prosody.identity;
  });
  after('Prosody stops', () => prosody?.stop());

  it('has the findings that the guide says, for clients', async () => {
    const { checks, message } = await probed('xmpp', prosody.ports.xmpp, identity.ca);
    expect(checks, message).to.deep.equal(['plaintext-behind-go-ahead', 'alpn-ignored']);
  });

  it('has the findings that the guide says, for servers', async () => {
    const { checks, message } = await probed('xmpp-server', prosody.ports['xmpp-server'], identity.ca);
    expect(checks, message).to.deep.equal(['plaintext-behind-go-ahead', 'alpn-ignored']);
  });

  it('is reached through a proxy under TLS on both legs, with its certificate verified', async () => {
    const toTls = { mode: 'upgrade', ca: identity.ca, servername: 'localhost' } as const;
    await sendAndHear(await fronts.proxy('xmpp', prosody.ports.xmpp, { toTls }));
  });
}

async function sendAndHear(front: Front): Promise<void> {
  const hears = xmppClient(front, 'berta');
  await hears.heard(/^online$/m);
  const { transcript, status } = await goSendxmpp(front);
  expect(transcript).to.contain("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  expect(status, transcript).to.equal(0);
  await hears.heard(/^heard from anna@localhost\/\S+: hello$/m);
  await hears.result;
}

/** It verifies the certificate and its name, and sends `hello` to berta. */
function goSendxmpp({ port, caFile }: Front, password = XMPP_PASSWORD): Promise<ClientResult> {
  const login = ['-u', 'anna@localhost', '-p', password, '-j', `localhost:${port}`];
  const options = { input: 'hello\n', env: { SSL_CERT_FILE: caFile, SSL_CERT_DIR: '/nonexistent' } };
  return runClient('go-sendxmpp', ['-d', ...login, 'berta@localhost'], options);
}

/** It takes no authority but from the environment, so it is a process of its own. */
function xmppClient({ port, caFile }: Front, user: string, to?: string): ClientProcess {
  const script = [
    '--import',
    'tsx',
    'test/interop/support/xmpp-message.ts',
    String(port),
    user,
    XMPP_PASSWORD,
  ];
  const env = { NODE_EXTRA_CA_CERTS: caFile };
  return new ClientProcess(process.execPath, [...script, ...(to === undefined ? [] : [to])], { env });
}
