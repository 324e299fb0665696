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
import { acapAudit } from './acap-audit.ts';

/** ACAP (RFC 2244) with STARTTLS (RFC 2595 section 5). */
export const acap: Protocol = {
  name: 'acap',
  // Its client says `. CAPABILITY`, to which any line that begins with the tag will do, and `. STARTTLS`.
  sClientName: 'imap',
  port: 674,
  speaksFirst: 'server',
  specifications: ['RFC 2595', 'RFC 2244'],
  server: acapServer,
  proxy: (client, upstream, scene) => acapServer(client, scene, upstream),
  probe: acapProbe,
  farewell: acapFarewell,
  audit: acapAudit,
};

/** The bound is ours, and IMAP's, whose lines these are like. */
const LINE_LIMIT = 8192;

/** RFC 2244 section 3.4: the same may work later. */
const NOT_NOW = 'NO (TRYLATER) "TLS not available for now"';

interface Command {
  readonly line: string;
  /** `*` where the line has none that could be repeated. */
  readonly tag: string;
  readonly name: string;
  readonly parameters: string;
}

/** All of it is the non-authenticated state: nobody logs in before the hand-over. An upstream greets for itself. */
function* acapServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  const service = mayHandOver(client, scene) ? upstream : undefined;
  // Under TLS it must be said again (RFC 2595 section 5.1), as who is on the way may have changed it.
  if (service === undefined) client.write(greeting(client, scene));
  else if (!(yield* forwardGreeting(client, service, scene))) return 'close';
  if (client.secure && scene.application && service === undefined) return 'handOver';
  for (;;) {
    const command = parseCommand(yield* client.command(LINE_LIMIT));
    const { line, tag, name, parameters } = command;
    if (!DIALOGUE.test(name)) {
      if (mayHandOver(client, scene)) {
        client.unread(`${line}\r\n`);
        return 'handOver';
      }
      refuse(client, command, refusal(client, scene, command));
    } else if (parameters !== '') refuse(client, command, 'BAD "No argument expected"');
    else if (name === 'STARTTLS') {
      if (client.secure) refuse(client, command, 'BAD "TLS is already on"');
      else if (!scene.available()) refuse(client, command, NOT_NOW);
      else {
        const refusal = `${tag} ${NOT_NOW}\r\n`;
        yield* client.startTls(`${tag} OK "Begin TLS negotiation now"\r\n`, { refusal });
      }
    } else if (name === 'NOOP') client.write(`${tag} OK "Done"\r\n`);
    else {
      client.write(`* BYE "Closing connection"\r\n${tag} OK "Goodbye"\r\n`);
      return 'close';
    }
  }
}

const DIALOGUE = /^(STARTTLS|NOOP|LOGOUT)$/;

/** Capabilities stand in the greeting and nowhere else; no way to log in where TLS is required for it. */
function greeting(client: Peer, scene: Scene): string {
  const offer = mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  const theirs = listedCapabilities(client, scene, /^SASL\b/i);
  const listed = ['IMPLEMENTATION "Sallyport"', ...offer, ...theirs];
  return `* ACAP ${listed.map(capability => `(${capability})`).join(' ')}\r\n`;
}

/** With our offer of TLS in place of the upstream's own; one that turns us away turns the client away. */
function* forwardGreeting(client: Peer, upstream: Peer, scene: Scene): Step<boolean> {
  const line = yield* upstream.line(LINE_LIMIT);
  const welcome = GREETING.test(line);
  if (!welcome && !/^\* BYE( |$)/i.test(line))
    throw new SallyportError('ERR_UPSTREAM_REPLY', 'not a greeting');
  const offer = welcome && mayUpgrade(client, scene) ? ' (STARTTLS)' : '';
  client.write(`${line.replace(/ ?\(STARTTLS\)/gi, '').replace(/^\* ACAP/i, `$&${offer}`)}\r\n`);
  return welcome;
}

const GREETING = /^\* ACAP( \(.*\))?$/i;

/** RFC 2244 section 8: characters of an atom. The bound is ours, as a tag is repeated; s_client's tag is a dot. */
const TAG = /^(?:(?![(){%*"\\+])[\x21-\x7e]){1,32}$/;

function parseCommand(line: string): Command {
  const [tag = '', name = '', ...parameters] = line.split(' ');
  if (!TAG.test(tag)) return { line, tag: '*', name: '', parameters: '' };
  return { line, tag, name: name.toUpperCase(), parameters: parameters.join(' ').trim() };
}

function refusal(client: Peer, scene: Scene, { tag, name }: Command): string {
  if (tag === '*') return 'BAD "Tag expected"';
  if (name !== 'AUTHENTICATE') {
    // The one word that s_client looks for in the reply to its `. CAPABILITY`, where it is true.
    const before = mayUpgrade(client, scene)
      ? ', or not before STARTTLS and a login'
      : ', or not before a login';
    return `BAD "Command not recognized${before}"`;
  }
  if (needsTls(client, scene)) return 'NO (ENCRYPT-NEEDED) "TLS required: say STARTTLS first"';
  return 'NO (TRYLATER) "No ACAP service behind this server"';
}

/**
 * Refuses a command. The octets of a non-synchronizing literal come without being asked for, and must never be
 * taken for commands: that ends the connection. Those of a synchronizing one do not come, as nobody asks for them.
 */
function refuse(client: Peer, { line, tag }: Command, response: string): void {
  if (/\{\d+\+\}$/.test(line)) {
    client.write(`${tag} BAD "No literal expected"\r\n`);
    throw new SallyportError('ERR_BAD_SYNTAX', 'non-synchronizing literal');
  }
  client.reject(`${tag} ${response}\r\n`);
}

/** Up to the greeting under TLS, as what the one in plaintext said must be forgotten. */
function* acapProbe(plain: Peer): Dialogue {
  const offered = /\(STARTTLS\)/i.test(yield* readGreeting(plain));
  if (!offered) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('a1 STARTTLS\r\n');
  yield* expectOk(plain, 'a1');
  yield* readGreeting(yield* plain.connectTls());
  return 'handOver';
}

function* readGreeting(server: Peer): Step<string> {
  const line = yield* server.line(LINE_LIMIT);
  if (GREETING.test(line)) return line;
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not a greeting');
}

const MAX_LINES = 128;

/** The untagged responses up to `tag OK`, such as ALERT, which are for people. */
function* expectOk(server: Peer, tag: string): Step<void> {
  for (let count = 0; count < MAX_LINES; count++) {
    const line = yield* server.line(LINE_LIMIT);
    if (line.startsWith(`${tag} `)) {
      if (/^OK( |$)/i.test(line.slice(tag.length + 1))) return;
      throw new SallyportError('ERR_TLS_REFUSED', 'tagged response is not OK');
    }
    if (!line.startsWith('* ')) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not a response');
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'too many responses');
}

/** Whether to come again helps. */
const LATER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_TOO_MANY_CONNECTIONS',
  'ERR_TOO_MANY_FROM_ADDRESS',
  'ERR_CONNECTION_RATE',
  'ERR_HANDSHAKE_RATE',
  'ERR_SHUTTING_DOWN',
  'ERR_UPSTREAM_UNREACHABLE',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_CLOSED',
  'ERR_UPSTREAM_REPLY',
  'ERR_APPLICATION',
  'ERR_INTERNAL',
]);

/** BYE where the server closes of its own accord. */
function acapFarewell({ code, summary }: SallyportError): string | undefined {
  if (code === 'ERR_PEER_CLOSED' || code === 'ERR_CLIENT_HELLO') return undefined;
  return `* BYE ${LATER.has(code) ? '(TRYLATER) ' : ''}"${summary}"\r\n`;
}
