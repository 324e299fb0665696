import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import { mayHandOver, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { listTlsFacts } from '../src/dialogue/tls-facts.ts';
import { SallyportError } from '../src/errors.ts';
import { beginsProxyHeader } from '../src/wire/proxy-header.ts';
import { encodeOption, encodeParameters, readToken, type Token, type Verb } from './telnet-token.ts';

/** Telnet (RFC 854) with its option START_TLS (draft-altman-telnet-starttls-02). */
export const telnet: Protocol = {
  name: 'telnet',
  port: 23,
  implicitPort: 992,
  speaksFirst: 'server',
  specifications: ['draft-altman-telnet-starttls-02', 'RFC 854', 'RFC 855'],
  server: telnetServer,
  proxy: telnetProxy,
  probe: telnetProbe,
  farewell: telnetFarewell,
};

const START_TLS = 46;

/** The parameter that says: what follows behind this is TLS. */
const FOLLOWS = '\x01';

/** Bytes of a line, its end included; also of what is held back for an application. */
const LINE_LIMIT = 512;
const LINE_END = 2;

/** Options that are refused before a client that goes on with them is sent away; no client has as many. */
const MAX_REFUSALS = 64;

/** What a dialogue remembers; it ends with the dialogue, so TLS begins without options and without text. */
interface Terminal {
  /** The line so far. */
  text: string;
  refusals: number;
}

/** s_client compares the first segment with DO START_TLS: nothing else may be in it. */
function* telnetServer(client: Peer, scene: Scene): Dialogue {
  const terminal: Terminal = { text: '', refusals: 0 };
  if (client.secure) return scene.application ? 'handOver' : yield* serve(client, scene, terminal);
  if (!scene.available()) return withoutTls(client, scene, 'TLS not available for now');
  client.write(encodeOption('DO', START_TLS));
  let willing = false;
  for (;;) {
    const said = yield* mayHandOver(client, scene) ? held(client, terminal) : lineOrTls(client, terminal);
    if (typeof said === 'string') {
      if (mayHandOver(client, scene)) return handOver(client, said);
      client.reject(needsTls(client, scene) ? TLS_REQUIRED : NO_SERVICE);
    } else if (said.kind === 'parameters') {
      if (!willing || said.text !== FOLLOWS) throw new SallyportError('ERR_BAD_SYNTAX', 'FOLLOWS expected');
      return yield* client.startTls(encodeParameters(START_TLS, FOLLOWS), { early: true });
    } else if (said.verb === 'WONT') return withoutTls(client, scene, '', terminal.text);
    // DO was said when the connection began: a second one would go behind the client's FOLLOWS, to its TLS.
    else if (said.verb === 'WILL') willing = true;
    else refuse(client, terminal, said.verb, START_TLS);
  }
}

/** The same; then it is for the client and the upstream to agree on options, but for START_TLS. */
function* telnetProxy(client: Peer, upstream: Peer, scene: Scene): Dialogue {
  const end = yield* telnetServer(client, scene);
  return end === 'handOver' ? yield* passOptions(client, upstream) : end;
}

/**
 * Passes on what either side says, up to the first text, which is for the relay. START_TLS is refused for the other
 * one: the client has had our offer, and an upstream has none to make.
 */
function* passOptions(client: Peer, upstream: Peer): Dialogue {
  let typed = '';
  for (let tokens = 0; tokens < MAX_TOKENS; tokens++) {
    const speaker = yield* client.first(upstream);
    const token: Token = yield* speaker === client ? readToken(client) : fromUpstream(readToken(upstream));
    if (token.kind === 'text' && speaker === client) typed += token.raw;
    const header = typed === '' ? false : beginsProxyHeader(typed);
    if (header === true) throw new SallyportError('ERR_BAD_SYNTAX', 'PROXY header');
    // What a user types is passed on byte by byte as long as it could become a header.
    if (token.kind === 'text' && (speaker === upstream || header === false)) {
      speaker.unread(token.raw);
      return 'handOver';
    }
    const aboutTls = tokenAboutTls(token);
    if (aboutTls === undefined) (speaker === client ? upstream : client).write(token.raw);
    else if (aboutTls.kind === 'option' && REFUSALS[aboutTls.verb] !== undefined) {
      speaker.write(encodeOption(REFUSALS[aboutTls.verb] ?? 'WONT', START_TLS));
    }
  }
  return 'handOver';
}

const REFUSALS: Partial<Readonly<Record<Verb, Verb>>> = { DO: 'WONT', WILL: 'DONT' };

const TLS_REQUIRED = 'TLS required: turn START_TLS on\r\n';
const NO_SERVICE = 'No service behind this server\r\n';

/** The client will not have TLS, or we have none. */
function withoutTls(client: Peer, scene: Scene, reason: string, unread = ''): 'handOver' | 'close' {
  if (mayHandOver(client, scene)) return handOver(client, unread);
  if (reason !== '') client.write(`${reason}\r\n`);
  client.write(needsTls(client, scene) ? TLS_REQUIRED : NO_SERVICE);
  return 'close';
}

function handOver(client: Peer, unread: string): 'handOver' {
  client.unread(unread);
  return 'handOver';
}

/** Words about START_TLS. */
type TlsToken = Extract<Token, { kind: 'option' | 'parameters' }>;

/**
 * All that is not about START_TLS, unanswered, as it is the application's: up to the end of a line. A client
 * that says so much and does not answer DO knows no options.
 */
function* held(client: Peer, terminal: Terminal): Step<string | TlsToken> {
  for (;;) {
    const token = yield* nextToken(client, terminal);
    const aboutTls = tokenAboutTls(token);
    if (aboutTls !== undefined) return aboutTls;
    terminal.text += token.raw;
    if (/[\r\n]/.test(token.raw) || terminal.text.length >= LINE_LIMIT) return terminal.text;
  }
}

/** A line of text that is not empty; other options are refused on the way. */
function* lineOrTls(client: Peer, terminal: Terminal): Step<string | TlsToken> {
  for (;;) {
    const token = yield* nextToken(client, terminal);
    const aboutTls = tokenAboutTls(token);
    if (aboutTls !== undefined) return aboutTls;
    if (token.kind === 'option') refuse(client, terminal, token.verb, token.option);
    if (token.kind !== 'text') continue;
    // RFC 854 has CR LF and CR NUL, and people type LF: an end that comes twice ends an empty line.
    if (!/[\r\n\0]/.test(token.raw)) terminal.text += token.raw;
    else if (terminal.text !== '') return takeLine(terminal);
    if (terminal.text.length > LINE_LIMIT - LINE_END) throw new SallyportError('ERR_LINE_TOO_LONG');
  }
}

function* nextToken(client: Peer, terminal: Terminal): Step<Token> {
  if (terminal.text === '') yield* client.begin();
  return yield* readToken(client);
}

function tokenAboutTls(token: Token): TlsToken | undefined {
  if (token.kind !== 'option' && token.kind !== 'parameters') return undefined;
  return token.option === START_TLS ? token : undefined;
}

/** A browser that was made to speak to us shows itself by its first line (ALPACA, CVE-2021-3618). */
function takeLine(terminal: Terminal): string {
  const line = terminal.text;
  terminal.text = '';
  if (/^[A-Z]+ \S+ HTTP\/[0-9.]+$/.test(line)) throw new SallyportError('ERR_HTTP_REQUEST');
  return line;
}

/** WONT and DONT need no answer: all options are off (RFC 854, "default"). */
function refuse(peer: Peer, terminal: Terminal, verb: Verb, option: number): void {
  if (verb === 'WONT' || verb === 'DONT') return;
  terminal.refusals += 1;
  if (terminal.refusals > MAX_REFUSALS) throw new SallyportError('ERR_BAD_COMMANDS', 'too many options');
  peer.write(encodeOption(REFUSALS[verb] ?? 'WONT', option));
}

/** Under TLS, where nobody takes the stream. */
function* serve(client: Peer, { hostname }: Scene, terminal: Terminal): Dialogue {
  client.write(`${hostname} Sallyport: TLS is on, say HELP or QUIT\r\n`);
  for (;;) {
    const said = yield* lineOrTls(client, terminal);
    if (typeof said !== 'string') {
      if (said.kind === 'option') refuse(client, terminal, said.verb, START_TLS);
      continue;
    }
    const command = said.trim().toUpperCase();
    if (command === 'QUIT' || command === 'EXIT') {
      client.write('Bye\r\n');
      return 'close';
    }
    if (command === 'HELP') client.write('HELP, STATUS, QUIT or EXIT\r\n');
    else if (command === 'STATUS') client.write(status(client));
    else client.reject(NO_SERVICE);
  }
}

function status({ tls }: Peer): string {
  const facts = tls === undefined ? [] : listTlsFacts(tls);
  return `${facts.map(([name, value]) => `${name}: ${value}\r\n`).join('')}${NO_SERVICE}`;
}

/** Says WILL and FOLLOWS, and under TLS asks for a sign of life (RFC 860), as not every server speaks first. */
function* telnetProbe(plain: Peer): Dialogue {
  const terminal: Terminal = { text: '', refusals: 0 };
  yield* awaitTls(
    plain,
    terminal,
    'ERR_TLS_NOT_OFFERED',
    said => said.kind === 'option' && said.verb === 'DO',
  );
  plain.write(encodeOption('WILL', START_TLS) + encodeParameters(START_TLS, FOLLOWS));
  yield* awaitTls(
    plain,
    terminal,
    'ERR_TLS_REFUSED',
    said => said.kind === 'parameters' && said.text === FOLLOWS,
  );
  const secure = yield* plain.connectTls();
  secure.write(encodeOption('DO', TIMING_MARK));
  yield* secure.peek();
  return 'handOver';
}

const TIMING_MARK = 6;

/** Options that are not START_TLS are refused; text in place of it means that there will be no TLS. */
function* awaitTls(
  server: Peer,
  terminal: Terminal,
  otherwise: 'ERR_TLS_NOT_OFFERED' | 'ERR_TLS_REFUSED',
  isExpected: (said: TlsToken) => boolean,
): Step<void> {
  for (let tokens = 0; tokens < MAX_TOKENS; tokens++) {
    const token: Token = yield* readToken(server);
    const aboutTls = tokenAboutTls(token);
    if (aboutTls !== undefined) {
      if (isExpected(aboutTls)) return;
      if (aboutTls.kind === 'option' && aboutTls.verb === 'DONT') throw new SallyportError(otherwise);
    } else if (token.kind === 'option') refuse(server, terminal, token.verb, token.option);
    else if (token.kind === 'text') throw new SallyportError(otherwise, 'text instead of START_TLS');
  }
  throw new SallyportError(otherwise, 'too many options');
}

const MAX_TOKENS = 64;

function telnetFarewell({ code, summary }: SallyportError): string | undefined {
  if (code === 'ERR_PEER_CLOSED' || code === 'ERR_CLIENT_HELLO') return undefined;
  return `${summary}\r\n`;
}
