import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import { imap, pop3, smtp } from '../../../protocol/index.ts';
import type { Protocol } from '../../../src/dialogue/protocol.ts';
import type { Certificate } from '../../../src/options.ts';
import type { CheckId } from '../../../src/probe/check-table.ts';
import { serving } from '../serving.ts';
import { issue, type Request } from './certificates.ts';
import { answer, type Manners, SoundServer, sound } from './sound-server.ts';

/** A server that is listening. */
export interface FaultyServer {
  readonly protocol: Protocol;
  readonly port: number;
  /** PEM of what is to be trusted. */
  readonly ca: string;
  close(): void;
}

export type Fault = () => Promise<FaultyServer>;

/** SSL_OP_ALLOW_CLIENT_RENEGOTIATION of OpenSSL 3, which Node has no name for. */
const ALLOW_RENEGOTIATION = 2 ** 8;

const TRIPLE_DES: ReadonlySet<number> = new Set([0x000a, 0x0016, 0xc008, 0xc012, 0x00ff]);

/** For each check a server with the one fault that it is to find. */
export const faults: { readonly [id in CheckId]: Fault } = {
  'tls-not-offered': mannered({ listed: ['PIPELINING'], refusal: '502 5.5.1 Not here\r\n' }),
  'tls-refused': mannered({ refusal: '454 4.7.0 Not now\r\n' }),
  'already-logged-in': talker(imap, '* PREAUTH welcome\r\n'),
  'plaintext-behind-go-ahead': mannered({ goAhead: `${sound.goAhead}250 2.0.0 And more\r\n` }),
  'injection-line': mannered({ keep: rest => (rest.endsWith('\n') ? rest : '') }),
  'injection-lines': mannered({ keep: rest => (rest.length > 4096 ? rest : '') }),
  'injection-partial': mannered({ keep: rest => (rest.includes('\n') ? '' : rest) }),
  'injection-after-go-ahead': mannered({ readsOn: true }),
  'plaintext-after-failed-handshake': mannered({
    hello: hello => (isClientHello(hello) ? undefined : Buffer.from('454 4.7.0 TLS failed\r\n')),
  }),
  'second-upgrade': mannered({ replyToSecondUpgrade: '220 2.0.0 Once more\r\n' }),
  'state-kept': mannered({
    forgets: false,
    reply: (command, secure, memory) =>
      /^MAIL /i.test(command) ? '250 2.1.0 OK\r\n' : answer(command, secure, memory),
  }),
  'login-offered': mannered({ listed: [...sound.listed, 'AUTH PLAIN LOGIN'] }),
  'login-accepted': mannered({
    reply: (command, secure, memory) =>
      /^AUTH /i.test(command) ? '334 \r\n' : answer(command, secure, memory),
  }),
  'tls-offered-under-tls': mannered({ listedUnderTls: sound.listed }),
  'no-reply-under-tls': mannered({ greetingUnderTls: sound.greeting }),
  'split-go-ahead': mannered({ cuts: true, goAhead: '220 2.0.0| Ready to start TLS\r\n' }),
  'split-reply': mannered({ cuts: true, greeting: '220 sound.exam|ple.org ready\r\n' }),
  'long-reply': mannered({ greeting: `${'220-Welcome, and be welcome\r\n'.repeat(40)}220 ready\r\n` }),
  'capability-spelling': mannered({ listed: ['starttls', 'PIPELINING'] }),
  'handshake-failed': mannered({ hello: hello => (asksForOcsp(hello) ? 'destroy' : undefined) }),
  'old-tls': mannered({
    tls: { ...sound.tls, minVersion: 'TLSv1', ciphers: withCipher('ECDHE-ECDSA-AES128-SHA') },
  }),
  'no-tls13': mannered({ tls: { ...sound.tls, maxVersion: 'TLSv1.2' } }),
  'broken-cipher': mannered({ tls: { ...sound.tls, ciphers: withCipher('ECDHE-ECDSA-NULL-SHA') } }),
  // Our OpenSSL has none of it, so the answer is made by hand.
  'short-block-cipher': mannered({
    hello: hello => (offersOnly(hello, TRIPLE_DES) ? serverHello(0xc008) : undefined),
  }),
  'no-forward-secrecy': certified(
    { rsa: 2048 },
    { tls: { ...sound.tls, ciphers: withCipher('AES128-GCM-SHA256') } },
  ),
  renegotiation: mannered({ tls: { ...sound.tls, secureOptions: ALLOW_RENEGOTIATION } }),
  'fragmented-hello': mannered({ hello: hello => (isWhole(hello) ? undefined : 'destroy') }),
  'large-hello': mannered({ hello: hello => (hello.length > 1400 ? 'destroy' : undefined) }),
  'alpn-ignored': ownPop3WithoutAlpn,
  'stalled-handshake': mannered({ handshakeTimeout: undefined }),
  'certificate-name': certified({ name: 'other.example.org' }),
  'certificate-expired': certified({ from: -9, to: -2 }),
  'certificate-not-yet-valid': certified({ from: 3 }),
  'certificate-expires-soon': certified({ to: 5 }),
  'certificate-untrusted': chained(async () => issue()),
  'chain-incomplete': chained(async root => issue({}, await between(root, 'between'))),
  'chain-order': chained(async root => {
    const upper = await between(root, 'upper');
    const lower = await between(upper, 'lower');
    return joined(await issue({}, lower), upper, lower);
  }),
  'root-sent': chained(async root => joined(await issue({}, root), root)),
  'weak-key': certified({ rsa: 1024 }, { tls: { ...sound.tls, ciphers: withCipher('DEFAULT') } }),
  'weak-signature': certified({ hash: 'SHA-1' }, { tls: { ...sound.tls, ciphers: withCipher('') } }),
  'reset-harms-others': mannered({ survivesResets: false }),
};

/** A server with nothing to be found. */
export const soundServer: Fault = mannered({});

/** A server that has a last word in plaintext where a handshake has failed, as MariaDB has. */
export const regretfulServer: Fault = mannered({ regret: '454 4.7.0 TLS failed\r\n' });

/** Another one: it refuses plaintext behind the upgrade command only under TLS. */
export const lateServer: Fault = mannered({ lateRefusal: '554 5.5.1 Plaintext behind STARTTLS\r\n' });

/** The first byte behind a record's header is the kind of the handshake's message. */
function isClientHello(record: Buffer): boolean {
  return record[5] === 1;
}

let authority: Promise<Certificate> | undefined;

function root(): Promise<Certificate> {
  authority ??= issue({ name: 'Root', authority: true });
  return authority;
}

function mannered(change: Partial<Manners>): Fault {
  return certified({}, change);
}

function certified(request: Request, change: Partial<Manners> = {}): Fault {
  return chained(async issuer => issue(request, issuer), change);
}

/** With a certificate, and what is sent behind it, made from the root that is trusted. */
function chained(chain: (root: Certificate) => Promise<Certificate>, change: Partial<Manners> = {}): Fault {
  return async () => {
    const trusted = await root();
    const manners = { ...sound, ...change };
    const server = new SoundServer({ ...manners, tls: { ...manners.tls, ...(await chain(trusted)) } });
    return { protocol: smtp, port: await server.listen(), ca: trusted.cert, close: () => server.close() };
  };
}

function between(issuer: Certificate, name: string): Promise<Certificate> {
  return issue({ name, authority: true }, issuer);
}

function joined(leaf: Certificate, ...behind: readonly Certificate[]): Certificate {
  return { ...leaf, cert: [leaf, ...behind].map(({ cert }) => cert).join('') };
}

/** Says one thing, and nothing more. */
function talker(protocol: Protocol, words: string): Fault {
  return async () => {
    const server = net.createServer(socket => socket.on('error', () => {}).end(words));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    return { protocol, port, ca: (await root()).cert, close: () => server.close() };
  };
}

async function ownPop3WithoutAlpn(): Promise<FaultyServer> {
  const trusted = await root();
  const certificate = await issue({}, trusted);
  const { port, stop } = await serving(pop3, { certificate, alpn: [] });
  return { protocol: pop3, port, ca: trusted.cert, close: () => void stop() };
}

/** Every cipher that OpenSSL would otherwise find too weak is allowed, too. */
function withCipher(cipher: string): string {
  return `${sound.tls.ciphers}${cipher === '' ? '' : `:${cipher}`}:@SECLEVEL=0`;
}

function offersOnly(hello: Buffer, suites: ReadonlySet<number>): boolean {
  if (!isWhole(hello)) return false;
  const at = 5 + 4 + 2 + 32 + 1 + (hello[43] ?? 0);
  const listed = hello.subarray(at + 2, at + 2 + hello.readUInt16BE(at));
  return Array.from({ length: listed.length / 2 }, (_, index) => listed.readUInt16BE(2 * index)).every(
    suite => suites.has(suite),
  );
}

/** ServerHello and ServerHelloDone of TLS 1.2. */
function serverHello(suite: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(33),
    Buffer.from([suite >> 8, suite & 0xff, 0]),
  ]);
  const messages = Buffer.concat([Buffer.from([2, 0, 0, body.length]), body, Buffer.from([14, 0, 0, 0])]);
  return Buffer.concat([Buffer.from([0x16, 3, 3, 0, messages.length]), messages]);
}

/** RFC 6066 section 8: status_request, for OCSP and without anything particular. */
function asksForOcsp(hello: Buffer): boolean {
  return hello.includes(Buffer.from('000500050100000000', 'hex'));
}

/** Whether the hello has come at once, and in one record. */
function isWhole(hello: Buffer): boolean {
  return hello.length >= 9 && hello.length >= 9 + hello.readUIntBE(6, 3);
}
