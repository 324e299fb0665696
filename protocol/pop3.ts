import { encodeBlock, readBlock } from '../src/dialogue/block.ts';
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
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { pop3Audit } from './pop3-audit.ts';

/** POP3 (RFC 1939) with STLS (RFC 2595). */
export const pop3: Protocol = {
  name: 'pop3',
  port: 110,
  implicitPort: 995,
  alpn: ['pop3'],
  speaksFirst: 'server',
  specifications: ['RFC 2595', 'RFC 1939', 'RFC 2449', 'RFC 3206', 'RFC 8314'],
  server: pop3Server,
  proxy: (client, upstream, scene) => pop3Server(client, scene, upstream),
  probe: pop3Probe,
  farewell: pop3Farewell,
  audit: pop3Audit,
};

/** RFC 2449 section 4: a command line, its CRLF included. */
const COMMAND_LIMIT = 255;

/** RFC 3206 section 3: the same may work later. */
const NOT_NOW = '-ERR [SYS/TEMP] TLS not available for now\r\n';

/**
 * All of it is the AUTHORIZATION state: nobody logs in before the hand-over. With an upstream, its capabilities are
 * listed, with our offer of TLS in place of its own.
 */
function* pop3Server(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  // No `<…>` in the greeting: it would offer APOP (RFC 1939 section 7).
  if (!client.upgraded) client.write(`+OK ${scene.hostname} POP3 ready\r\n`);
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  for (;;) {
    const line = yield* client.command(COMMAND_LIMIT);
    const [keyword = '', ...parameters] = line.split(' ').filter(word => word !== '');
    const command = keyword.toUpperCase();
    if (!DIALOGUE.test(command)) {
      if (mayHandOver(client, scene)) {
        if (upstream !== undefined && !(yield* receiveGreeting(client, upstream))) return 'close';
        client.unread(`${line}\r\n`);
        return 'handOver';
      }
      client.reject(refusal(client, scene, command));
    } else if (parameters.length > 0) client.reject('-ERR No argument expected\r\n');
    else if (command === 'STLS') {
      if (client.secure) client.reject('-ERR TLS is already on\r\n');
      else if (!scene.available()) client.reject(NOT_NOW);
      else yield* client.startTls('+OK Begin TLS negotiation\r\n', { refusal: NOT_NOW });
    } else if (command === 'CAPA') {
      if (upstream === undefined || !mayHandOver(client, scene)) client.write(capabilities(client, scene));
      else if (yield* receiveGreeting(client, upstream)) yield* forwardCapa(client, upstream, scene);
      else return 'close';
    } else if (command === 'NOOP') client.write('+OK Done\r\n');
    else {
      client.write(`+OK ${scene.hostname} closing connection\r\n`);
      return 'close';
    }
  }
}

const DIALOGUE = /^(STLS|CAPA|NOOP|QUIT)$/;

/** What invites a login (RFC 2449 sections 6.2 and 6.3). */
const LOGIN = /^(USER|SASL)\b/i;

/** RFC 2595 section 4: STLS is listed only where it is permitted. */
function capabilities(client: Peer, scene: Scene): string {
  const offer = mayUpgrade(client, scene) ? ['STLS'] : [];
  const theirs = listedCapabilities(client, scene, LOGIN);
  const listed = new Set([...offer, 'RESP-CODES', 'AUTH-RESP-CODE', ...theirs]);
  return `${LIST_FOLLOWS}${encodeBlock([...listed])}`;
}

const LIST_FOLLOWS = '+OK Capability list follows\r\n';

/** The client has had our greeting; one that turns us away is the upstream's answer to the client as well. */
function* receiveGreeting(client: Peer, upstream: Peer): Step<boolean> {
  yield* upstream.connection();
  if (upstream.greeted) return true;
  const greeting = yield* fromUpstream(readStatus(upstream));
  upstream.greeted = isOk(greeting);
  if (!upstream.greeted) client.write(`${greeting}\r\n`);
  return upstream.greeted;
}

/** An upstream without CAPA has no list for our offer to stand in: it is older, and logins are by USER. */
function* forwardCapa(client: Peer, upstream: Peer, scene: Scene): Step<void> {
  upstream.write('CAPA\r\n');
  const status = yield* fromUpstream(readStatus(upstream));
  const listed = isOk(status) ? yield* fromUpstream(readBlock(upstream)) : ['USER'];
  const offer = mayUpgrade(client, scene) ? ['STLS'] : [];
  if (!isOk(status) && offer.length === 0) client.write(`${status}\r\n`);
  else
    client.write(
      `${LIST_FOLLOWS}${encodeBlock([...offer, ...listed.filter(line => !/^STLS\b/i.test(line))])}`,
    );
}

/** What needs a maildrop behind the dialogue, in RFC 1939, 5034 and 6856. */
const SERVICE = /^(USER|PASS|APOP|AUTH|STAT|LIST|RETR|DELE|RSET|TOP|UIDL|UTF8|LANG)$/;

function refusal(client: Peer, scene: Scene, command: string): string {
  // Not [AUTH]: RFC 3206 has it blame the credentials, and a client would ask its user for new ones.
  if (needsTls(client, scene)) return '-ERR TLS required: say STLS first\r\n';
  if (SERVICE.test(command)) return '-ERR [SYS/PERM] No mail service behind this server\r\n';
  return '-ERR Command not recognized\r\n';
}

/** Up to the capabilities under TLS (RFC 2595 section 4: those from before are forgotten). */
function* pop3Probe(plain: Peer): Dialogue {
  if (!isOk(yield* readStatus(plain)))
    throw new SallyportError('ERR_UNEXPECTED_REPLY', 'greeting is not +OK');
  plain.write('CAPA\r\n');
  // A server without CAPA cannot have STLS (RFC 2595 section 4).
  const offered = isOk(yield* readStatus(plain)) ? yield* readBlock(plain) : [];
  if (!offered.some(line => /^STLS *$/i.test(line))) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('STLS\r\n');
  if (!isOk(yield* readStatus(plain))) throw new SallyportError('ERR_TLS_REFUSED', '-ERR to STLS');
  const secure = yield* plain.connectTls();
  secure.write('CAPA\r\n');
  if (!isOk(yield* readStatus(secure)))
    throw new SallyportError('ERR_UNEXPECTED_REPLY', '-ERR to CAPA under TLS');
  yield* readBlock(secure);
  return 'handOver';
}

/** RFC 2449 section 4: a reply's line, its CRLF included. */
const REPLY_LIMIT = 512;

/** The first line of a reply. */
function* readStatus(server: Peer): Step<string> {
  const line = yield* server.line(REPLY_LIMIT);
  if (!/^(\+OK|-ERR)( |$)/.test(line)) throw new SallyportError('ERR_UNEXPECTED_REPLY');
  return line;
}

function isOk(status: string): boolean {
  return status.startsWith('+OK');
}

/** RFC 3206: whether to come again helps. */
const CODES: { readonly [code in ErrorCode]?: string } = {
  ERR_TOO_MANY_CONNECTIONS: '[SYS/TEMP] ',
  ERR_TOO_MANY_FROM_ADDRESS: '[SYS/TEMP] ',
  ERR_CONNECTION_RATE: '[SYS/TEMP] ',
  ERR_HANDSHAKE_RATE: '[SYS/TEMP] ',
  ERR_SHUTTING_DOWN: '[SYS/TEMP] ',
  ERR_UPSTREAM_UNREACHABLE: '[SYS/TEMP] ',
  ERR_UPSTREAM_TIMEOUT: '[SYS/TEMP] ',
  ERR_UPSTREAM_CLOSED: '[SYS/TEMP] ',
  ERR_UPSTREAM_REPLY: '[SYS/TEMP] ',
  ERR_APPLICATION: '[SYS/TEMP] ',
  ERR_INTERNAL: '[SYS/TEMP] ',
};

/** RFC 1939 section 3: a client that was quiet for too long is sent nothing. */
const SILENT = /^ERR_(PEER_CLOSED|CLIENT_HELLO|COMMAND_TIMEOUT|IDLE_TIMEOUT)$/;

function pop3Farewell({ code, summary }: SallyportError): string | undefined {
  return SILENT.test(code) ? undefined : `-ERR ${CODES[code] ?? ''}${summary}\r\n`;
}
