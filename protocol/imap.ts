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
import { imapAudit } from './imap-audit.ts';
import { exchange } from './imap-exchange.ts';

/** IMAP4rev1 (RFC 3501) with STARTTLS (RFC 9051 section 6.2.1, RFC 2595). */
export const imap: Protocol = {
  name: 'imap',
  port: 143,
  implicitPort: 993,
  alpn: ['imap'],
  speaksFirst: 'server',
  specifications: ['RFC 9051', 'RFC 2595', 'RFC 3501', 'RFC 5530', 'RFC 7888', 'RFC 8314'],
  server: imapServer,
  proxy: (client, upstream, scene) => imapServer(client, scene, upstream),
  probe: imapProbe,
  farewell: imapFarewell,
  audit: imapAudit,
};

/** RFC 7162 section 4. */
const LINE_LIMIT = 8192;

/** RFC 5530 section 3: the same may work later. */
const NOT_NOW = 'NO [UNAVAILABLE] TLS not available for now';

/** A command's line, and its parts. */
interface Command {
  readonly line: string;
  /** `*` where the line has none that could be repeated. */
  readonly tag: string;
  readonly name: string;
  readonly parameters: string;
}

/**
 * All of it is the not authenticated state: nobody logs in before the hand-over. With an upstream, the dialogue goes on
 * as far as a login, as the response to that may list capabilities.
 */
function* imapServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (!client.upgraded) client.write(`* OK ${scene.hostname} IMAP4rev1 ready\r\n`);
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const service = mayHandOver(client, scene) ? upstream : undefined;
  for (;;) {
    const command = parseCommand(yield* client.command(LINE_LIMIT));
    const { line, tag, name, parameters } = command;
    if (service !== undefined && FORWARDED.test(name)) {
      if (!(yield* receiveGreeting(client, service))) return 'close';
      const end = yield* forward(client, service, scene, command);
      if (end !== undefined) return end;
    } else if (!DIALOGUE.test(name)) {
      if (mayHandOver(client, scene)) {
        if (service !== undefined && !(yield* receiveGreeting(client, service))) return 'close';
        client.unread(`${line}\r\n`);
        return 'handOver';
      }
      refuse(client, command, refusal(client, scene, command));
    } else if (parameters !== '') refuse(client, command, 'BAD No argument expected');
    else if (name === 'STARTTLS') {
      if (client.secure) refuse(client, command, 'BAD TLS is already on');
      else if (!scene.available()) refuse(client, command, NOT_NOW);
      else {
        const refusal = `${tag} ${NOT_NOW}\r\n`;
        yield* client.startTls(`${tag} OK Begin TLS negotiation now\r\n`, { refusal });
      }
    } else if (name === 'CAPABILITY') {
      client.write(`* CAPABILITY ${capabilities(client, scene)}\r\n${tag} OK CAPABILITY completed\r\n`);
    } else if (name === 'NOOP') client.write(`${tag} OK NOOP completed\r\n`);
    else {
      client.write(`* BYE ${scene.hostname} closing connection\r\n${tag} OK LOGOUT completed\r\n`);
      return 'close';
    }
  }
}

const DIALOGUE = /^(STARTTLS|CAPABILITY|NOOP|LOGOUT)$/;

/** What may list capabilities in a response, and comes before or with a login. */
const FORWARDED = /^(CAPABILITY|ID|LOGIN|AUTHENTICATE)$/;
const LOGIN = /^(LOGIN|AUTHENTICATE)$/;

/** The client has had our greeting; one that turns us away is the upstream's answer to the client as well. */
function* receiveGreeting(client: Peer, upstream: Peer): Step<boolean> {
  yield* upstream.connection();
  if (upstream.greeted) return true;
  const greeting = yield* fromUpstream(upstream.line(LINE_LIMIT));
  upstream.greeted = /^\* OK( |$)/i.test(greeting);
  if (upstream.greeted) return true;
  // Already logged in, as somebody that the client is not: it must not go on as if it were.
  if (!/^\* BYE( |$)/i.test(greeting)) throw new SallyportError('ERR_UPSTREAM_REPLY', 'greeting is not OK');
  client.write(`${greeting}\r\n`);
  return false;
}

/** Our offer is listed before a login only. */
function* forward(
  client: Peer,
  upstream: Peer,
  scene: Scene,
  command: Command,
): Step<'handOver' | 'close' | undefined> {
  const login = LOGIN.test(command.name);
  const offer = mayUpgrade(client, scene) && !login ? ['STARTTLS'] : [];
  const outcome = yield* exchange(client, upstream, command, offer);
  if (outcome === 'BYE') return 'close';
  return login && outcome === 'OK' ? 'handOver' : undefined;
}

/** RFC 9051 section 9, `tag`: atom characters without `+`. The bound is ours: a tag is repeated in replies. */
const TAG = /^(?:(?![(){%*"\\+])[\x21-\x7e]){1,64}$/;

/** Tags may come twice: s_client says `. CAPABILITY`, then `. STARTTLS`. */
function parseCommand(line: string): Command {
  const [tag = '', name = '', ...parameters] = line.split(' ');
  if (!TAG.test(tag)) return { line, tag: '*', name: '', parameters: '' };
  return { line, tag, name: name.toUpperCase(), parameters: parameters.join(' ').trim() };
}

/** RFC 9051 section 6.2.1: LOGINDISABLED where a login is refused for want of TLS; both words go under TLS. */
function capabilities(client: Peer, scene: Scene): string {
  const offer = mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  const disabled = client.secure || mayHandOver(client, scene) ? [] : ['LOGINDISABLED'];
  const theirs = listedCapabilities(client, scene, /^AUTH=/i);
  return [...new Set(['IMAP4rev1', ...offer, ...disabled, ...theirs])].join(' ');
}

function refusal(client: Peer, scene: Scene, { tag, name }: Command): string {
  if (tag === '*') return 'BAD Tag expected';
  if (!LOGIN.test(name)) return 'BAD Command not recognized, or not before a login';
  if (needsTls(client, scene)) return 'NO [PRIVACYREQUIRED] TLS required: say STARTTLS first';
  return 'NO [UNAVAILABLE] No mail service behind this server';
}

/**
 * Refuses a command. The octets of a non-synchronizing literal come without being asked for (RFC 7888),
 * and must never be taken for commands: that ends the connection. Those of a synchronizing literal do not
 * come when the command is refused (RFC 9051 section 7.6).
 */
function refuse(client: Peer, { line, tag }: Command, response: string): void {
  if (/\{\d+\+\}$/.test(line)) {
    client.write(`${tag} BAD No literal expected\r\n`);
    throw new SallyportError('ERR_BAD_SYNTAX', 'non-synchronizing literal');
  }
  client.reject(`${tag} ${response}\r\n`);
}

/** Up to the capabilities under TLS (RFC 9051 section 6.2.1: those from before are forgotten). */
function* imapProbe(plain: Peer): Dialogue {
  const greeting = yield* plain.line(LINE_LIMIT);
  // Already logged in, so STARTTLS is too late: what an attacker would say to keep TLS away (CVE-2020-12398).
  if (/^\* PREAUTH( |$)/i.test(greeting)) throw new SallyportError('ERR_TLS_NOT_OFFERED', 'PREAUTH greeting');
  if (!/^\* OK( |$)/i.test(greeting)) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'greeting is not OK');
  plain.write('a1 CAPABILITY\r\n');
  const offered = yield* readResponses(plain, 'a1', 'ERR_UNEXPECTED_REPLY');
  if (!offered.some(line => /^\* CAPABILITY (.* )?STARTTLS( |$)/i.test(line))) {
    throw new SallyportError('ERR_TLS_NOT_OFFERED');
  }
  plain.write('a2 STARTTLS\r\n');
  yield* readResponses(plain, 'a2', 'ERR_TLS_REFUSED');
  const secure = yield* plain.connectTls();
  secure.write('a3 CAPABILITY\r\n');
  yield* readResponses(secure, 'a3', 'ERR_UNEXPECTED_REPLY');
  return 'handOver';
}

const MAX_LINES = 128;

/** The untagged responses up to `tag OK`. Throws `otherwise` for another status. */
function* readResponses(
  server: Peer,
  tag: string,
  otherwise: 'ERR_UNEXPECTED_REPLY' | 'ERR_TLS_REFUSED',
): Step<string[]> {
  const lines: string[] = [];
  while (lines.length < MAX_LINES) {
    const line = yield* server.line(LINE_LIMIT);
    if (line.startsWith(`${tag} `)) {
      if (/^OK( |$)/i.test(line.slice(tag.length + 1))) return lines;
      throw new SallyportError(otherwise, 'tagged response is not OK');
    }
    if (!line.startsWith('* ')) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not a response');
    lines.push(line);
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'too many responses');
}

/** RFC 5530: whether to come again helps. */
const CODES: { readonly [code in ErrorCode]?: string } = {
  ERR_TOO_MANY_CONNECTIONS: '[UNAVAILABLE] ',
  ERR_TOO_MANY_FROM_ADDRESS: '[UNAVAILABLE] ',
  ERR_CONNECTION_RATE: '[UNAVAILABLE] ',
  ERR_HANDSHAKE_RATE: '[UNAVAILABLE] ',
  ERR_SHUTTING_DOWN: '[UNAVAILABLE] ',
  ERR_UPSTREAM_UNREACHABLE: '[UNAVAILABLE] ',
  ERR_UPSTREAM_TIMEOUT: '[UNAVAILABLE] ',
  ERR_UPSTREAM_CLOSED: '[UNAVAILABLE] ',
  ERR_UPSTREAM_REPLY: '[UNAVAILABLE] ',
  ERR_APPLICATION: '[SERVERBUG] ',
  ERR_INTERNAL: '[SERVERBUG] ',
};

/** RFC 9051 section 7.1.5: BYE where the server closes of its own accord. */
function imapFarewell({ code, summary }: SallyportError): string | undefined {
  if (code === 'ERR_PEER_CLOSED' || code === 'ERR_CLIENT_HELLO') return undefined;
  return `* BYE ${CODES[code] ?? ''}${summary}\r\n`;
}
