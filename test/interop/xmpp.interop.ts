import { expect } from 'chai';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

describeClient('go-sendxmpp', () => testFor(testGoSendxmpp));
describe('@xmpp/client', () => testFor(testXmppClient));

function testFor(test: (servers: Servers, name: string) => void): void {
  const servers = useServers();
  for (const { name } of protocolsNamed('xmpp')) test(servers, name);
}

const PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

function testGoSendxmpp(servers: Servers, name: string): void {
  const goSendxmpp = (caFile: string): Promise<ClientResult> => {
    const login = ['-u', 'tester@localhost', '-p', 'secret', '-j', `localhost:${servers.port(name)}`];
    const options = { input: 'hello\n', env: { SSL_CERT_FILE: caFile, SSL_CERT_DIR: '/nonexistent' } };
    return runClient('go-sendxmpp', ['-d', ...login, 'somebody@localhost'], options);
  };

  it('upgrades, verifies the certificate, and finds no way to log in over TLS', async () => {
    const { transcript, status } = await goSendxmpp(servers.caFile);
    const [plain = '', secure = ''] = transcript.split(PROCEED);
    expect(plain, transcript).to.match(/<starttls xmlns='\S+'><required\/><\/starttls><\/stream:features>/);
    expect(secure, transcript).to.include('<stream:features></stream:features>');
    expect(secure, transcript).to.match(/PLAIN authentication is not an option/);
    expect(idOf(secure), transcript).to.not.equal(idOf(plain));
    expect(status, transcript).to.equal(1);
    expect((await servers.ended(name)).at(-1)?.tls?.version, transcript).to.equal('TLSv1.3');
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await goSendxmpp(servers.strangerFile);
    expect(stderr, transcript).to.match(/starttls handshake: x509: certificate signed by unknown authority/);
    expect(status, transcript).to.equal(1);
  });
}

function idOf(stream: string): string {
  const id = /<stream:stream [^>]*\bid='(\w+)'/.exec(stream)?.[1];
  if (id === undefined) throw new Error(`no stream in ${stream}`);
  return id;
}

function testXmppClient(servers: Servers, name: string): void {
  /** It takes no authority but from the environment, so it is a process of its own. */
  const login = (caFile: string): Promise<ClientResult> => {
    const script = ['--import', 'tsx', 'test/interop/support/xmpp-login.ts', String(servers.port(name))];
    return runClient(process.execPath, script, { env: { NODE_EXTRA_CA_CERTS: caFile } });
  };

  it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
    const { stdout, status, transcript } = await login(servers.caFile);
    const [plain = '', secure = ''] = stdout.split(/^<proceed .*\/>$/m);
    expect(plain, transcript).to.match(/^<stream:features><starttls .*<required\/>/m);
    expect(secure, transcript).to.match(/^<stream:features\/>$/m);
    expect(secure, transcript).to.match(
      /^refused: undefined-condition - No XMPP service behind this server$/m,
    );
    expect(status, transcript).to.equal(0);
    const end = (await servers.ended(name)).at(-1);
    expect(end?.tls?.version, transcript).to.equal('TLSv1.3');
    expect(end?.error, transcript).to.equal(undefined);
  });

  it('does not trust another authority', async () => {
    const { stdout, transcript } = await login(servers.strangerFile);
    expect(stdout, transcript).to.match(/^refused: unable to verify the first certificate$/m);
    expect(stdout, transcript).to.not.match(/^<stream:features\/>$/m);
  });
}
