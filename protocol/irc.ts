import { splitCommand } from '../src/dialogue/command.ts';
import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import { mayHandOver, mayUpgrade, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { SallyportError } from '../src/errors.ts';
import { ircAudit } from './irc-audit.ts';

/** IRC (RFC 2812) with STARTTLS, as IRCv3 has it in its `tls` capability. */
export const irc: Protocol = {
  name: 'irc',
  port: 6667,
  implicitPort: 6697,
  alpn: ['irc'],
  speaksFirst: 'server',
  specifications: ['IRCv3 tls', 'RFC 2812', 'RFC 7194', 'IRCv3 capability negotiation'],
  server: ircServer,
  proxy: (client, upstream, scene) => ircServer(client, scene, upstream),
  probe: ircProbe,
  farewell: ircFarewell,
  audit: ircAudit,
};

/** RFC 2812 section 2.3: a message, its CRLF included. */
const LINE_LIMIT = 512;

/** How far a client has come with its registration; no name that it gives is kept. */
interface Registration {
  nick: boolean;
  user: boolean;
  /** CAP LS suspends the registration until CAP END. */
  negotiating: boolean;
}

/** Message tags and the source, which a server does not need of its client (RFC 1459 section 2.3). */
const PREFIX = /^(?:@\S* +)?(?::\S* +)?/;

/**
 * Greets with a numeric: sslscan waits for a banner, and s_client takes a NOTICE or a PING for a refusal.
 * Registration ends the dialogue in any case, so STARTTLS is never too late here. With an upstream, that lists its
 * capabilities, with our offer of TLS in place of its own.
 */
function* ircServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (!client.upgraded) client.write(numeric(scene, '020', ':Please wait while we process your connection.'));
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const registration: Registration = { nick: false, user: false, negotiating: false };
  for (;;) {
    const line = yield* client.command(LINE_LIMIT);
    const { verb: command, argument: parameters } = splitCommand(line.replace(PREFIX, ''));
    if (command === 'STARTTLS') {
      const refused = startTlsRefusal(client, scene, parameters);
      if (refused !== undefined) client.reject(numeric(scene, '691', refused));
      else {
        const refusal = numeric(scene, '691', NOT_NOW);
        yield* client.startTls(numeric(scene, '670', GO_AHEAD), { refusal });
      }
    } else if (command === 'QUIT') {
      client.write(closingLink(scene, 'Client has quit'));
      return 'close';
    } else if (command === 'PING') pong(client, scene, parameters);
    else if (upstream !== undefined && mayHandOver(client, scene) && asksForList(command, parameters)) {
      yield* forwardList(client, upstream, scene, line);
    } else if (
      mayHandOver(client, scene) &&
      !(command === 'CAP' && LIST.test(parameters)) &&
      !(mayUpgrade(client, scene) && SERVICE.test(command)) &&
      command !== ''
    ) {
      client.unread(`${line}\r\n`);
      return 'handOver';
    } else if (command === 'CAP') capability(client, scene, parameters, registration);
    else register(client, scene, command, parameters, registration);
    if (registration.nick && registration.user && !registration.negotiating) {
      client.write(closingLink(scene, needsTls(client, scene) ? 'TLS required' : NO_NETWORK));
      return 'close';
    }
  }
}

function asksForList(command: string, parameters: string): boolean {
  return command === 'CAP' && /^LS( |$)/i.test(parameters);
}

/**
 * Whatever the upstream says before its list is passed on: it has no greeting of its own. One that does not know
 * CAP gives place to our offer, if there is one.
 */
function* forwardList(client: Peer, upstream: Peer, scene: Scene, line: string): Step<void> {
  upstream.write(`${line}\r\n`);
  let offer = mayUpgrade(client, scene) ? ['tls'] : [];
  for (let count = 0; count < MAX_LINES; count++) {
    const said = yield* fromUpstream(upstream.line(SERVER_LINE_LIMIT));
    const [, before, more, listed] = LISTED.exec(said) ?? [];
    if (before !== undefined && listed !== undefined) {
      const kept = listed.split(' ').filter(capability => capability !== '' && !OURS.test(capability));
      client.write(`${before}:${[...offer, ...kept].join(' ')}\r\n`);
      offer = [];
      if (more === undefined) return;
    } else if (UNKNOWN.test(said)) {
      client.write(offer.length > 0 ? `:${scene.hostname} CAP * LS :tls\r\n` : `${said}\r\n`);
      return;
    } else client.write(`${said}\r\n`);
  }
  throw new SallyportError('ERR_UPSTREAM_REPLY', 'no list of capabilities');
}

/** Message tags and a line, as IRCv3 has them. */
const SERVER_LINE_LIMIT = 8191 + 512;

const LISTED = /^((?::\S+ +)?CAP +\S+ +LS +(\* +)?):?(.*)$/i;
const UNKNOWN = /^(?::\S+ +)?(?:421|451) /;

/** What is about TLS between us and the client, and the upstream's policy of TLS on its own port (IRCv3 sts). */
const OURS = /^(tls|sts)(=|$)/i;

const GO_AHEAD = ':STARTTLS successful, proceed with TLS handshake';
const NOT_NOW = ':TLS not available for now';
const NO_NETWORK = 'No IRC network behind this server';

/** `*` is the nickname of a client that is not registered. */
function numeric(scene: Scene, code: string, text: string): string {
  return `:${scene.hostname} ${code} * ${text}\r\n`;
}

function closingLink(scene: Scene, reason: string): string {
  return `ERROR :Closing Link: ${scene.hostname} (${reason})\r\n`;
}

function startTlsRefusal(client: Peer, scene: Scene, parameters: string): string | undefined {
  if (parameters !== '') return ':STARTTLS takes no parameter';
  if (client.secure) return ':TLS is already on';
  if (!scene.available()) return NOT_NOW;
  return undefined;
}

/** Repeats a token that is one word of printable ASCII, and no other. */
function pong(client: Peer, scene: Scene, parameters: string): void {
  const token = /^:?([!-9;-~][!-~]{0,63})$/.exec(parameters)?.[1];
  if (token === undefined) client.reject(numeric(scene, '409', ':No origin specified'));
  else client.write(`:${scene.hostname} PONG ${scene.hostname} :${token}\r\n`);
}

const LIST = /^(LS|LIST)( |$)/i;

function capability(client: Peer, scene: Scene, parameters: string, registration: Registration): void {
  const subcommand = /^\S*/.exec(parameters)?.[0].toUpperCase();
  const listed = [...(mayUpgrade(client, scene) ? ['tls'] : []), ...scene.capabilities];
  if (subcommand === 'END') registration.negotiating = false;
  else if (subcommand === 'LS') {
    registration.negotiating = true;
    client.write(`:${scene.hostname} CAP * LS :${listed.join(' ')}\r\n`);
  } else if (subcommand === 'LIST') client.write(`:${scene.hostname} CAP * LIST :\r\n`);
  else if (subcommand === 'REQ' && REQUESTED.test(parameters)) {
    // Nothing can be turned on in this dialogue: `tls` is there to be read, the rest is the application's.
    registration.negotiating = true;
    client.write(`:${scene.hostname} CAP * NAK :${parameters.replace(/^REQ +:?/i, '')}\r\n`);
  } else client.reject(numeric(scene, '410', 'CAP :Invalid CAP command'));
}

const REQUESTED = /^REQ +:?[\w./=-]{1,64}( +[\w./=-]{1,64})*$/i;

/**
 * What needs an IRC network behind the dialogue. No server has it for a client that is not registered, so it is no
 * reason to hand over while TLS may still be asked for: irssi sends `JOIN :` before its STARTTLS.
 */
const SERVICE =
  /^(ADMIN|AWAY|INFO|INVITE|ISON|JOIN|KICK|KILL|LINKS|LIST|LUSERS|MODE|MOTD|NAMES|NOTICE|OPER|PART|PRIVMSG|SQUIT|STATS|SUMMON|TIME|TOPIC|TRACE|USERHOST|USERS|VERSION|WALLOPS|WHO|WHOIS|WHOWAS)$/;

/** An empty message, a PONG and a password are taken without a word (RFC 2812 section 2.3.1). */
function register(
  client: Peer,
  scene: Scene,
  command: string,
  parameters: string,
  registration: Registration,
): void {
  if (/^(|PASS|PONG)$/.test(command)) return;
  if (command === 'NICK') {
    if (parameters === '') client.reject(numeric(scene, '431', ':No nickname given'));
    else registration.nick = true;
  } else if (command === 'USER') {
    if (!/^\S+ +\S+ +\S+ +\S/.test(parameters))
      client.reject(numeric(scene, '461', 'USER :Not enough parameters'));
    else registration.user = true;
  } else if (SERVICE.test(command)) client.reject(numeric(scene, '451', ':You have not registered'));
  else {
    const known = /^[A-Z]{1,16}$/.test(command) ? command : '*';
    client.reject(numeric(scene, '421', `${known} :Unknown command`));
  }
}

function* ircProbe(plain: Peer): Dialogue {
  if (!(yield* capabilities(plain)).includes('tls')) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('STARTTLS\r\n');
  const [, code = ''] = yield* awaited(plain, /^(?::\S+ +)?(670|691|421|451) /);
  if (code !== '670') throw new SallyportError('ERR_TLS_REFUSED', code);
  const secure = yield* plain.connectTls();
  yield* capabilities(secure);
  return 'handOver';
}

/** The names that CAP LS lists; none where CAP is not known. */
function* capabilities(server: Peer): Step<readonly string[]> {
  server.write('CAP LS 302\r\n');
  const names: string[] = [];
  for (let count = 0; count < MAX_LINES; count++) {
    const [, more, listed = ''] = yield* awaited(server, /^(?::\S+ +)?(?:421 |CAP +\S+ +LS +(\* +)?:?(.*))/i);
    names.push(...listed.split(' ').map(capability => capability.replace(/=.*$/, '').toLowerCase()));
    if (more === undefined) return names;
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY');
}

/** A server may say this much besides: notices, a MOTD's beginnings, pings. */
const MAX_LINES = 128;

/** Skips what a server says of its own accord, up to the message wanted. */
function* awaited(server: Peer, wanted: RegExp): Step<RegExpExecArray> {
  for (let count = 0; count < MAX_LINES; count++) {
    const match = wanted.exec(yield* server.line());
    if (match !== null) return match;
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY');
}

function ircFarewell(error: SallyportError, scene: Scene): string | undefined {
  if (error.code === 'ERR_PEER_CLOSED' || error.code === 'ERR_CLIENT_HELLO') return undefined;
  return closingLink(scene, error.summary);
}
