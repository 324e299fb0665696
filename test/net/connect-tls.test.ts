import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { expect } from 'chai';
import { SallyportError } from '../../src/errors.ts';
import { type ConnectTlsOptions, connectTls } from '../../src/net/connect-tls.ts';
import { dial } from '../../src/net/dial.ts';
import { type TestCertificates, testCertificates } from '../support/certificates.ts';

describe('src/net/connect-tls', () => {
  let certificates: TestCertificates;
  const servers: net.Server[] = [];
  const accepted: net.Socket[] = [];

  before(async () => {
    certificates = await testCertificates();
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    for (const socket of accepted.splice(0)) socket.destroy();
  });

  async function socketTo(server: net.Server): Promise<net.Socket> {
    servers.push(server);
    server.on('connection', socket => accepted.push(socket.on('error', () => {})));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    return dial({ host: '127.0.0.1', port }, { timeout: 5000 });
  }

  function tlsServer(options: tls.TlsOptions = {}): net.Server {
    return tls.createServer({ ...certificates.server, ...options }, secure => {
      secure.on('error', () => {});
      secure.end(`${secure.servername} ${secure.alpnProtocol} ${secure.authorized}`);
    });
  }

  const ours = (options: Partial<ConnectTlsOptions> = {}): ConnectTlsOptions => ({
    servername: 'localhost',
    ca: certificates.authority.cert,
    timeout: 5000,
    ...options,
  });

  async function heardFrom(server: net.Server, options: ConnectTlsOptions): Promise<string> {
    let heard = '';
    for await (const data of await connectTls(await socketTo(server), options)) heard += data;
    return heard;
  }

  async function failure(socket: net.Socket, options: ConnectTlsOptions): Promise<string> {
    const error = await connectTls(socket, options).catch((reason: unknown) => reason);
    if (!(error instanceof SallyportError)) throw new Error('the handshake succeeded');
    if (!socket.closed) await once(socket, 'close');
    return error.message === error.summary ? error.code : `${error.code} ${error.message.split(': ')[1]}`;
  }

  it('sends the name, and offers ALPN', async () => {
    const server = tlsServer({ ALPNProtocols: ['imap'] });
    expect(await heardFrom(server, ours({ alpn: ['imap'] }))).to.equal('localhost imap false');
  });

  it('checks an address without sending it as a name', async () => {
    expect(await heardFrom(tlsServer(), ours({ servername: '127.0.0.1' }))).to.equal('false false false');
  });

  it('shows our certificate', async () => {
    const server = tlsServer({ requestCert: true, ca: certificates.authority.cert });
    const options = ours({ clientCertificate: certificates.client });
    expect(await heardFrom(server, options)).to.equal('localhost false true');
  });

  it('refuses a certificate that nobody vouches for, is of the wrong kind, has expired or is for another name', async () => {
    const to = (options?: tls.TlsOptions) => socketTo(tlsServer(options));
    expect(await failure(await to(), { servername: 'localhost', timeout: 5000 })).to.equal(
      'ERR_SERVER_CERTIFICATE UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    );
    expect(await failure(await to(certificates.selfSignedClient), ours())).to.equal(
      'ERR_SERVER_CERTIFICATE INVALID_PURPOSE',
    );
    expect(await failure(await to(certificates.expiredServer), ours())).to.equal(
      'ERR_SERVER_CERTIFICATE CERT_HAS_EXPIRED',
    );
    expect(await failure(await to(), ours({ servername: 'mail.example.org' }))).to.equal(
      'ERR_SERVER_CERTIFICATE ERR_TLS_CERT_ALTNAME_INVALID',
    );
  });

  it('takes any certificate where it is not to be checked', async () => {
    const options: ConnectTlsOptions = { servername: 'mail.example.org', verify: false, timeout: 5000 };
    expect(await heardFrom(tlsServer(), options)).to.equal('mail.example.org false false');
  });

  it('resumes a session', async () => {
    const server = tlsServer({ maxVersion: 'TLSv1.2' });
    const first = await connectTls(await socketTo(server), ours());
    const session = first.getSession();
    first.destroy();
    if (session === undefined) throw new Error('no session');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    const socket = await dial({ host: '127.0.0.1', port }, { timeout: 5000 });
    const second = await connectTls(socket, ours({ session }));
    expect(second.isSessionReused()).to.equal(true);
    second.destroy();
  });

  it('names why a handshake fails, and destroys the socket', async () => {
    const to = (options: tls.TlsOptions) => socketTo(tlsServer(options));
    expect(await failure(await to({ minVersion: 'TLSv1.3' }), ours({ maxVersion: 'TLSv1.2' }))).to.equal(
      'ERR_HANDSHAKE_ALERT ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    );
    expect(await failure(await to({ ALPNProtocols: ['imap'] }), ours({ alpn: ['pop3'] }))).to.match(
      /^ERR_HANDSHAKE_ALERT /,
    );
    const talker = net.createServer(socket => socket.write('220 mail.example.org\r\n'));
    expect(await failure(await socketTo(talker), ours())).to.match(
      /^(ERR_HANDSHAKE_NOT_TLS|ERR_PLAINTEXT_AFTER_UPGRADE)/,
    );
    const leaver = net.createServer(socket => socket.once('data', () => socket.end()));
    expect(await failure(await socketTo(leaver), ours())).to.match(/^ERR_HANDSHAKE_PEER_GONE/);
    const silent = net.createServer();
    expect(await failure(await socketTo(silent), ours({ timeout: 50 }))).to.equal('ERR_HANDSHAKE_TIMEOUT');
  });

  it('sends nothing where plaintext lies in front of TLS', async () => {
    let received = 0;
    const talker = net.createServer(socket => {
      socket.write('250 injected\r\n');
      socket.on('data', data => {
        received += data.length;
      });
    });
    const socket = await socketTo(talker);
    await once(socket, 'readable');
    expect(await failure(socket, ours())).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
    expect(received).to.equal(0);
  });

  it('refuses options that OpenSSL does not take as a fault of the configuration', async () => {
    const broken = { cert: 'no certificate', key: 'no key' };
    expect(await failure(await socketTo(tlsServer()), ours({ clientCertificate: broken }))).to.match(
      /^ERR_CERTIFICATE /,
    );
  });
});
