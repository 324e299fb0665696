import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import { expect } from 'chai';
import { imap, pop3, postgres, protocols, smtp } from '../../protocol/index.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { SallyportError } from '../../src/errors.ts';
import type { Spoken } from '../../src/net/client-dialogue.ts';
import { type OpenSecureOptions, openSecure } from '../../src/net/open-secure.ts';
import { testCertificates } from '../support/certificates.ts';
import { serving, stopServing } from '../support/serving.ts';
import { SCENE } from '../support/stage.ts';

/** What a server says in plaintext: first, and to each thing that it hears. */
type Script = readonly string[];

interface Lie {
  readonly title: string;
  readonly protocol: Protocol;
  readonly script: Script;
  readonly code: RegExp;
}

const EHLO = '250-mail.example.org\r\n250 STARTTLS\r\n';
const STRIPPED = /^ERR_TLS_NOT_OFFERED$/;
const REFUSED = /^ERR_TLS_REFUSED$/;
const BEHIND = /^ERR_PLAINTEXT_AFTER_UPGRADE$/;

/** What an attacker in the middle says to a client (security.md, A7 and A13). */
const lies: readonly Lie[] = [
  {
    title: 'a reply behind the go-ahead',
    protocol: smtp,
    script: ['220 hi\r\n', EHLO, '220 go\r\n250 AUTH PLAIN\r\n'],
    code: BEHIND,
  },
  {
    title: 'a beginning of a line behind the go-ahead',
    protocol: smtp,
    script: ['220 hi\r\n', EHLO, '220 go\r\nxyz'],
    code: BEHIND,
  },
  { title: 'an error behind S', protocol: postgres, script: ['', 'SE'], code: BEHIND },
  {
    title: 'a list without the upgrade',
    protocol: smtp,
    script: ['220 hi\r\n', '250 mail.example.org\r\n'],
    code: STRIPPED,
  },
  {
    title: 'another command in its place',
    protocol: smtp,
    script: ['220 hi\r\n', '250-mail.example.org\r\n250 XXXXXXXX\r\n'],
    code: STRIPPED,
  },
  { title: 'N', protocol: postgres, script: ['', 'N'], code: STRIPPED },
  {
    title: 'a refusal',
    protocol: smtp,
    script: ['220 hi\r\n', EHLO, '454 4.7.0 not now\r\n'],
    code: REFUSED,
  },
  {
    title: '354 in place of the go-ahead',
    protocol: smtp,
    script: ['220 hi\r\n', EHLO, '354 send mail\r\n'],
    code: REFUSED,
  },
  {
    title: '-ERR to the upgrade',
    protocol: pop3,
    script: ['+OK\r\n', '+OK\r\nSTLS\r\n.\r\n', '-ERR no\r\n'],
    code: REFUSED,
  },
  { title: 'PREAUTH', protocol: imap, script: ['* PREAUTH welcome\r\n'], code: STRIPPED },
  {
    title: 'a referral',
    protocol: imap,
    script: ['* BYE [REFERRAL imap://evil.example/] gone\r\n'],
    code: /^ERR_UNEXPECTED_REPLY$/,
  },
  {
    title: 'text that nobody vouches for',
    protocol: postgres,
    script: ['', 'E\0\0\0\x30'],
    code: /^ERR_UNEXPECTED_REPLY$/,
  },
];

describe('src/net/open-secure', () => {
  const servers: net.Server[] = [];
  let ca: string;

  before(async () => {
    ca = (await testCertificates()).authority.cert;
  });
  afterEach(async () => {
    await stopServing();
    for (const server of servers.splice(0)) server.close();
  });

  function options(protocol: Protocol, more: Partial<OpenSecureOptions> = {}): OpenSecureOptions {
    return {
      protocol,
      scene: { ...SCENE, hostname: 'probe.example.org' },
      tls: { ca, servername: 'localhost' },
      timeout: 5000,
      ...more,
    };
  }

  /** A server that says its script and notes what it hears. */
  async function liar(
    script: Script,
  ): Promise<{ port: number; heard: () => string; gone: Promise<unknown> }> {
    let heard = '';
    const server = net.createServer({ noDelay: true }, socket => {
      const rest = [...script];
      socket.on('error', () => {});
      socket.write(rest.shift() ?? '', 'latin1');
      socket.on('data', data => {
        heard += data.toString('latin1');
        socket.write(rest.shift() ?? '', 'latin1');
      });
    });
    servers.push(server);
    const gone = once(server, 'connection').then(([socket]) => once(socket as net.Socket, 'close'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { port: (server.address() as net.AddressInfo).port, heard: () => heard, gone };
  }

  async function failure(port: number, given: OpenSecureOptions): Promise<SallyportError> {
    const error = await openSecure({ host: '127.0.0.1', port }, given).catch((reason: unknown) => reason);
    if (error instanceof SallyportError) return error;
    throw new Error('the connection was opened');
  }

  for (const protocol of protocols) {
    it(`opens ${protocol.name}, and records what is said`, async () => {
      const { port } = await serving(protocol);
      const said: Spoken[] = [];
      const observe = (words: Spoken) => void said.push(words);
      const { stream, facts } = await openSecure({ host: '127.0.0.1', port }, options(protocol, { observe }));
      expect(facts.version).to.equal('TLSv1.3');
      expect(stream.destroyed).to.equal(false);
      expect(facts.clientCertificate).to.equal(undefined);
      expect(stream.getPeerCertificate().subject.CN).to.equal('localhost');
      stream.destroy();
      const plain = said.filter(({ secure }) => !secure);
      expect(new Set(plain.map(({ by }) => by))).to.deep.equal(new Set(['client', 'server']));
      expect(said.at(-1)).to.include({ by: 'server', secure: true });
    });
  }

  it('opens TLS from the first byte', async () => {
    const { port } = await serving(imap, { tls: 'implicit' });
    const { stream, unread } = await openSecure(
      { host: '127.0.0.1', port },
      options(imap, { implicit: true }),
    );
    expect(unread.length).to.equal(0);
    const [greeting] = (await once(stream.resume(), 'data')) as [Buffer];
    expect(String(greeting)).to.match(/^\* OK /);
    stream.destroy();
  });

  it('hands over what came behind the dialogue under TLS', async () => {
    const { port } = await serving(smtp, {}, async session => {
      session.stream.write('250 hello\r\n250 more\r\n');
      await once(session.stream, 'close');
    });
    const { stream, unread } = await openSecure({ host: '127.0.0.1', port }, options(smtp));
    expect(Buffer.from(unread).toString()).to.equal('250 more\r\n');
    stream.destroy();
  });

  for (const { title, protocol, script, code } of lies) {
    it(`says nothing more to ${protocol.name} that says ${title}`, async () => {
      const server = await liar(script);
      const error = await failure(server.port, options(protocol));
      expect(error.code).to.match(code);
      await server.gone;
      const expected = await upgradeWordsOf(protocol, options(protocol));
      expect(expected.startsWith(server.heard()), JSON.stringify(server.heard())).to.equal(true);
    });
  }

  it('does not take plaintext that follows the go-ahead in a segment of its own for TLS', async () => {
    const server = net.createServer({ noDelay: true }, socket => {
      socket.on('error', () => {});
      const replies = [EHLO, '220 go\r\n'];
      socket.write('220 hi\r\n');
      socket.on('data', () => {
        socket.write(replies.shift() ?? '');
        if (replies.length === 0) setImmediate(() => socket.write('250 injected\r\n'));
      });
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { code } = await failure((server.address() as net.AddressInfo).port, options(smtp));
    expect(code).to.match(/^ERR_(HANDSHAKE_NOT_TLS|PLAINTEXT_AFTER_UPGRADE)$/);
  });

  it('gives up in time on a server that says nothing, and on one that says it for ever', async () => {
    const silent = await liar([]);
    expect((await failure(silent.port, options(smtp, { timeout: 50 }))).code).to.equal(
      'ERR_DIALOGUE_TIMEOUT',
    );
    const server = net.createServer(socket => {
      socket.on('error', () => {});
      const timer = setInterval(() => socket.write('220-again\r\n'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    expect((await failure(port, options(smtp, { timeout: 100 }))).code).to.equal('ERR_DIALOGUE_TIMEOUT');
  });

  it('tells a server that closes from one that resets', async () => {
    const closing = net.createServer(socket => socket.end());
    const resetting = net.createServer(socket =>
      socket.once('data', () => socket.resetAndDestroy()).write('220 hi\r\n'),
    );
    for (const [server, code] of [
      [closing, 'ERR_PEER_CLOSED'],
      [resetting, 'ERR_CONNECTION'],
    ] as const) {
      servers.push(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as net.AddressInfo; // of a listening server
      expect((await failure(port, options(smtp))).code).to.equal(code);
    }
  });

  /** All that a client says in plaintext to a right server. */
  async function upgradeWordsOf(protocol: Protocol, given: OpenSecureOptions): Promise<string> {
    const { port } = await serving(protocol);
    let words = '';
    const observe = ({ by, secure, bytes }: Spoken) => {
      if (by === 'client' && !secure) words += Buffer.from(bytes).toString('latin1');
    };
    const { stream } = await openSecure({ host: '127.0.0.1', port }, { ...given, observe });
    stream.destroy();
    return words;
  }
});
