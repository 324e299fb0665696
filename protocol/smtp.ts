import { splitCommand } from '../src/dialogue/command.ts';
import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import {
  listedCapabilities,
  mayHandOver,
  mayUpgrade,
  needsTls,
  type Protocol,
  type Scene,
} from '../src/dialogue/protocol.ts';
import { expectReply, readReply, reply } from '../src/dialogue/reply.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { mailAudit } from './smtp-audit.ts';

/** SMTP (RFC 5321) with STARTTLS (RFC 3207). */
export const smtp: Protocol = {
  name: 'smtp',
  port: 25,
  implicitPort: 465,
  publicPort: 25,
  speaksFirst: 'server',
  specifications: ['RFC 3207', 'RFC 5321', 'RFC 2034', 'RFC 8314'],
  server: (client, scene) => mailServer(client, scene, 'EHLO'),
  proxy: (client, upstream, scene) => mailServer(client, scene, 'EHLO', upstream),
  probe: (server, scene) => mailProbe(server, scene, 'EHLO'),
  farewell: mailFarewell,
  audit: mailAudit('EHLO'),
};

/** RFC 5321 section 4.5.3.1.4: a command line, its CRLF included. */
const LINE_LIMIT = 512;

/** RFC 3207 section 4: for a temporary reason. */
const NOT_NOW = reply(454, '4.7.0 TLS not available for now');

/** What needs a mail service behind the dialogue, in SMTP, LMTP and their extensions. */
const SERVICE = /^(MAIL|RCPT|DATA|BDAT|VRFY|EXPN|ETRN|AUTH|TURN|SEND|SOML|SAML|BURL)$/;

export type Hello = 'EHLO' | 'LHLO';

/**
 * The server of both mail protocols; they differ in their hello (RFC 2033 section 4.1). With an upstream, that
 * answers the hello, with our offer of TLS in place of its own.
 */
export function* mailServer(client: Peer, scene: Scene, hello: Hello, upstream?: Peer): Dialogue {
  if (!client.upgraded)
    client.write(`220 ${scene.hostname} ${hello === 'EHLO' ? 'ESMTP' : 'LMTP'} ready\r\n`);
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  for (;;) {
    const line = yield* client.command(LINE_LIMIT);
    const { verb, argument } = splitCommand(line);
    switch (verb) {
      case hello:
        if (argument === '') client.reject(reply(501, `5.5.4 ${verb} needs a name`));
        else if (upstream === undefined || !mayHandOver(client, scene)) greet(client, scene, verb, argument);
        else if (yield* receiveGreeting(client, upstream)) yield* forwardHello(client, upstream, scene, line);
        else return 'close';
        break;
      case 'STARTTLS':
        if (argument !== '') client.reject(reply(501, '5.5.4 STARTTLS takes no argument'));
        else if (client.secure) client.reject(reply(503, '5.5.1 TLS is already on'));
        else if (!scene.available()) client.reject(NOT_NOW);
        else yield* client.startTls(reply(220, '2.0.0 Ready to start TLS'), { refusal: NOT_NOW });
        break;
      case 'NOOP':
        client.write(reply(250, '2.0.0 OK'));
        break;
      case 'RSET':
        if (needsTls(client, scene)) client.reject(TLS_REQUIRED);
        else client.write(reply(250, '2.0.0 OK'));
        break;
      case 'PROXY':
      case 'XCLIENT':
      case 'XFORWARD':
        // Who we are to the upstream is not the client's to say.
        client.reject(reply(550, '5.7.0 Not permitted'));
        break;
      case 'HELP':
        if (needsTls(client, scene)) client.reject(TLS_REQUIRED);
        else client.write(reply(214, `2.0.0 Commands: ${hello} STARTTLS NOOP RSET HELP QUIT`));
        break;
      case 'QUIT':
        client.write(reply(221, `2.0.0 ${scene.hostname} closing connection`));
        return 'close';
      default:
        if (mayHandOver(client, scene)) {
          if (upstream !== undefined && !(yield* receiveGreeting(client, upstream))) return 'close';
          client.unread(`${line}\r\n`);
          return 'handOver';
        }
        client.reject(refusal(client, scene, verb, hello));
        // RFC 3030 section 2: the chunk comes unasked, and must never be taken for commands.
        if (verb === 'BDAT') throw new SallyportError('ERR_BAD_SYNTAX', 'BDAT without a transaction');
    }
  }
}

const TLS_REQUIRED = reply(530, '5.7.0 Must issue a STARTTLS command first');

/** RFC 3207 section 4.2: STARTTLS is not listed under TLS. */
function greet(client: Peer, scene: Scene, verb: string, name: string): void {
  client.introduction = `${verb} ${name}`;
  const offer = mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  const theirs = listedCapabilities(client, scene, /^AUTH\b/i);
  client.write(reply(250, scene.hostname, 'PIPELINING', ...offer, ...theirs, 'ENHANCEDSTATUSCODES'));
}

/** The client has had our greeting; one that turns us away is the upstream's answer to the client as well. */
function* receiveGreeting(client: Peer, upstream: Peer): Step<boolean> {
  yield* upstream.connection();
  if (upstream.greeted) return true;
  const { code, lines } = yield* fromUpstream(readReply(upstream));
  upstream.greeted = code === 220;
  if (!upstream.greeted) client.write(reply(code, ...lines));
  return upstream.greeted;
}

function* forwardHello(client: Peer, upstream: Peer, scene: Scene, line: string): Step<void> {
  upstream.write(`${line}\r\n`);
  const { code, lines } = yield* fromUpstream(readReply(upstream));
  const [name = '', ...capabilities] = lines;
  const kept = capabilities.filter(capability => !OURS.test(capability));
  const offer = code === 250 && mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  client.write(reply(code, name, ...offer, ...kept));
}

/** Capabilities that are between us and the client, or between us and the upstream. */
const OURS = /^(STARTTLS|XCLIENT|XFORWARD)\b/i;

function refusal(client: Peer, scene: Scene, verb: string, hello: Hello): string {
  // RFC 2033 section 4.1: HELO and EHLO must not succeed here, TLS or not.
  if (hello === 'LHLO' && /^(HELO|EHLO)$/.test(verb)) return reply(500, '5.5.1 This is LMTP: say LHLO');
  if (needsTls(client, scene)) return TLS_REQUIRED;
  if (verb === 'HELO') return reply(502, '5.5.1 Say EHLO');
  if (!SERVICE.test(verb)) return reply(500, '5.5.2 Command not recognized');
  // RFC 3207 section 4.2: the name given before TLS is forgotten, so it has to come again.
  if (client.introduction === undefined) return reply(503, `5.5.1 Say ${hello} first`);
  return reply(502, '5.5.1 No mail service behind this server');
}

/** The client of both mail protocols, up to the repeated hello under TLS (RFC 3207 section 4.2). */
export function* mailProbe(plain: Peer, scene: Scene, hello: Hello): Dialogue {
  yield* expectReply(plain, 220);
  plain.write(`${hello} ${scene.hostname}\r\n`);
  const { lines } = yield* expectReply(plain, 250);
  if (!lines.some(line => /^STARTTLS$/i.test(line))) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('STARTTLS\r\n');
  yield* expectReply(plain, 220, 'ERR_TLS_REFUSED');
  const secure = yield* plain.connectTls();
  secure.write(`${hello} ${scene.hostname}\r\n`);
  yield* expectReply(secure, 250);
  return 'handOver';
}

const FAREWELLS: { readonly [code in ErrorCode]?: readonly [code: number, status: string] } = {
  ERR_PLAINTEXT_AFTER_UPGRADE: [554, '5.5.1'],
  ERR_LINE_TOO_LONG: [500, '5.5.2'],
  ERR_BAD_LINE: [500, '5.5.2'],
  ERR_HTTP_REQUEST: [554, '5.5.1'],
  ERR_DIALOGUE_TIMEOUT: [421, '4.4.2'],
  ERR_COMMAND_TIMEOUT: [421, '4.4.2'],
  ERR_IDLE_TIMEOUT: [421, '4.4.2'],
  ERR_SHUTTING_DOWN: [421, '4.3.2'],
  ERR_UPSTREAM_UNREACHABLE: [421, '4.4.1'],
  ERR_UPSTREAM_TIMEOUT: [421, '4.4.2'],
  ERR_UPSTREAM_CLOSED: [421, '4.4.2'],
  ERR_UPSTREAM_REPLY: [421, '4.3.0'],
};

/** RFC 5321 section 3.8: 421 for a service that closes of its own accord. */
export function mailFarewell(error: SallyportError, scene: Scene): string | undefined {
  if (error.code === 'ERR_PEER_CLOSED' || error.code === 'ERR_CLIENT_HELLO') return undefined;
  const [code, status] = FAREWELLS[error.code] ?? [421, '4.7.0'];
  return reply(code, `${status} ${scene.hostname} ${error.summary}`);
}
