import { expect } from 'chai';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

interface Request {
  readonly scheme: string;
  readonly args: readonly string[];
  readonly go: readonly [command: RegExp, goAhead: RegExp];
  /** What curl says next under TLS, and the honest refusal of a server with nothing behind it. */
  readonly underTls: readonly RegExp[];
}

const MAIL = ['--mail-from', 'a@example.org', '--mail-rcpt', 'b@example.org', '--upload-file', '-'];

const requests: Readonly<Record<string, Request>> = {
  smtp: {
    scheme: 'smtp',
    args: MAIL,
    go: [/^> STARTTLS/m, /^< 220 2\.0\.0 /m],
    underTls: [/^> EHLO /m, /^< 250-localhost/m, /^> MAIL FROM/m, /^< 502 5\.5\.1 No mail service/m],
  },
  imap: {
    scheme: 'imap',
    // With --user curl looks for a mechanism first, and says nothing where none is offered.
    args: ['--request', 'LOGIN tester secret'],
    go: [/^> \S+ STARTTLS/m, /^< \S+ OK /m],
    underTls: [
      /^> \S+ CAPABILITY/m,
      /^< \* CAPABILITY IMAP4rev1(?!.* STARTTLS)/m,
      /^> \S+ LOGIN /m,
      /^< \S+ NO /m,
    ],
  },
  pop3: {
    scheme: 'pop3',
    args: ['--request', 'USER tester'],
    go: [/^> STLS/m, /^< \+OK /m],
    underTls: [/^> CAPA/m, /^< \+OK/m, /^> USER /m, /^< -ERR /m],
  },
  ftp: {
    scheme: 'ftp',
    args: ['--user', 'tester:secret'],
    go: [/^> AUTH SSL/m, /^< 234 /m],
    underTls: [/^> USER tester/m, /^< 530 /m],
  },
  http: {
    scheme: 'http',
    args: ['--header', 'Accept: text/plain'],
    go: [/^> GET /m, /^< HTTP\/1\.1 426 /m],
    underTls: [/^> GET /m, /^< HTTP\/1\.1 200 /m],
  },
};

const known = protocolsNamed(...Object.keys(requests));

describeClient('curl', () => {
  describe('--ssl-reqd', () => {
    const servers = useServers();
    for (const protocol of known.filter(({ name }) => name !== 'http')) {
      describe(protocol.name, () => testUpgrade(servers, protocol));
    }
  });

  describe('in plaintext', () => testWeb(useServers(), 'required'));

  describe('on one port for both', () => testWeb(useServers({ tls: 'auto' }), 'auto'));

  describe('with TLS from the first byte', () => {
    const servers = useServers({ tls: 'implicit' });
    testWeb(servers, 'implicit');
    for (const { name } of known.filter(({ name }) => name !== 'http')) {
      const { scheme, underTls } = requestOf(name);
      it(`verifies the certificate of ${scheme}s and gets replies`, async () => {
        const result = await curl(servers, name, `${scheme}s`, []);
        expectVerified(result, 'TLSv1.3');
        expectInOrder(result, underTls);
      });
    }
  });
});

/** curl knows no upgrade within HTTP: it is told so, or finds TLS on the same port. */
function testWeb(servers: Servers, policy: 'required' | 'auto' | 'implicit'): void {
  const scheme = policy === 'implicit' ? 'https' : 'http';
  const get = (...args: readonly string[]) => curl(servers, 'http', scheme, args);

  if (policy === 'required') {
    it('is told by http what it would have to say', async () => {
      const result = await get();
      const { status, stdout, transcript } = result;
      expectInOrder(result, [/^< HTTP\/1\.1 426 /m, /^< Upgrade: TLS\/1\.2, HTTP\/1\.1\r$/m]);
      expect(stdout, transcript).to.match(/^426 Upgrade Required: .*RFC 2817/);
      expect(status, transcript).to.equal(0);
    });
    return;
  }

  it(`verifies the certificate and gets the page of http with TLS ${policy}`, async () => {
    const result = await get('--location');
    expectVerified(result, 'TLSv1.3');
    expectInOrder(result, [/^> Accept: text\/plain/m, /^< HTTP\/1\.1 200 /m]);
    expect(result.stdout, result.transcript).to.match(/alpn: +http\/1\.1\n/);
    const [end] = (await servers.ended('http')).slice(-1);
    expect(end?.error, result.transcript).to.equal(undefined);
  });
}

function testUpgrade(servers: Servers, { name }: Protocol): void {
  const { scheme, go, underTls } = requestOf(name);

  for (const [max, version] of [
    ['1.3', 'TLSv1.3'],
    ['1.2', 'TLSv1.2'],
  ] as const) {
    it(`upgrades with ${version}, verifies the certificate, and is refused honestly`, async () => {
      const result = await curl(servers, name, scheme, ['--ssl-reqd', '--tls-max', max]);
      expectVerified(result, version);
      expectInOrder(result, [...go, /^\* SSL connection using/m, ...underTls]);
      const [end] = (await servers.ended(name)).slice(-1);
      expect(end?.tls?.version, result.transcript).to.equal(version);
    });
  }

  it('does not trust another authority', async () => {
    const result = await curl(servers, name, scheme, ['--ssl-reqd', '--cacert', servers.strangerFile]);
    expect(result.stderr, result.transcript).to.match(/SSL certificate problem: /);
    expect(result.status, result.transcript).to.equal(60);
  });
}

function requestOf(name: string): Request {
  const request = requests[name];
  if (request === undefined) throw new Error(`no request for ${name}`);
  return request;
}

function curl(
  servers: Servers,
  name: string,
  scheme: string,
  args: readonly string[],
): Promise<ClientResult> {
  // Also under root's ~/.curlrc, and however long the name of this machine is.
  const url = `${scheme}://localhost:${servers.port(name)}/${name === 'smtp' ? 'client.example.org' : ''}`;
  const always = ['--disable', '--silent', '--verbose', '--max-time', '15', '--cacert', servers.caFile];
  return runClient('curl', [...always, ...requestOf(name).args, ...args, url], {
    input: 'Subject: x\r\n\r\n',
  });
}

function expectVerified({ stderr, transcript }: ClientResult, version: string): void {
  expect(stderr, transcript).to.include(`* SSL connection using ${version}`);
  expect(stderr, transcript).to.include('subjectAltName: host "localhost" matched');
  expect(stderr, transcript).to.include('SSL certificate verify ok.');
}

function expectInOrder({ stderr, transcript }: ClientResult, patterns: readonly RegExp[]): void {
  let rest = stderr;
  for (const pattern of patterns) {
    const match = pattern.exec(rest);
    expect(match, `${pattern} comes next in\n${transcript}`).to.not.equal(null);
    rest = rest.slice((match?.index ?? 0) + (match?.[0].length ?? 0));
  }
}
