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
import { sieveAudit } from './sieve-audit.ts';

/** ManageSieve (RFC 5804) with its STARTTLS. */
export const sieve: Protocol = {
  name: 'sieve',
  port: 4190,
  alpn: ['managesieve'],
  speaksFirst: 'server',
  greetsAgain: true,
  specifications: ['RFC 5804'],
  server: sieveServer,
  proxy: (client, upstream, scene) => sieveServer(client, scene, upstream),
  probe: sieveProbe,
  farewell: sieveFarewell,
  audit: sieveAudit,
};

/** RFC 5804 sets no limit for a line; a quoted string may have 1024 octets, and a command several. */
const LINE_LIMIT = 8192;

/** RFC 5804 section 1.3: the same may work later. */
const NOT_NOW = 'NO (TRYLATER) "TLS not available for now"\r\n';

/** With an upstream, the capabilities are its own, with our offer of TLS in place of its own. */
function* sieveServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  const service = mayHandOver(client, scene) ? upstream : undefined;
  // The greeting, and what must be said again, unasked, under TLS (RFC 5804 section 2.2).
  if (service === undefined) client.write(`${capabilities(client, scene)}OK "ManageSieve ready"\r\n`);
  else if ((yield* forwardCapabilities(client, service, scene)) !== 'OK') return 'close';
  if (client.secure && scene.application && service === undefined) return 'handOver';
  for (;;) {
    const line = yield* client.command(LINE_LIMIT);
    const [keyword = ''] = line.split(' ', 1);
    const parameters = line.slice(keyword.length).trim();
    const command = keyword.toUpperCase();
    if (!DIALOGUE.test(command)) {
      if (mayHandOver(client, scene)) {
        client.unread(`${line}\r\n`);
        return 'handOver';
      }
      yield* skipLiterals(client, line);
      client.reject(refusal(client, scene, command));
    } else if (command === 'NOOP') yield* noop(client, line, parameters);
    else if (parameters !== '') {
      yield* skipLiterals(client, line);
      client.reject('NO "No argument expected"\r\n');
    } else if (command === 'STARTTLS') {
      if (client.secure) client.reject('NO "TLS is already on"\r\n');
      else if (!scene.available()) client.reject(NOT_NOW);
      else yield* client.startTls('OK "Begin TLS negotiation now"\r\n', { refusal: NOT_NOW });
    } else if (command === 'CAPABILITY' && service !== undefined) {
      if ((yield* forwardCapabilities(client, service, scene)) === 'BYE') return 'close';
    } else if (command === 'CAPABILITY') {
      client.write(`${capabilities(client, scene)}OK "Capabilities listed"\r\n`);
    } else {
      client.write('OK "Closing connection"\r\n');
      return 'close';
    }
  }
}

const DIALOGUE = /^(STARTTLS|CAPABILITY|NOOP|LOGOUT)$/;

/**
 * RFC 5804 section 1.7, as quoted strings: a literal would end s_client's search. Of each name there is one
 * line, the application's where it has one; no way to log in is listed where TLS is required for it.
 */
function capabilities(client: Peer, scene: Scene): string {
  const offer = mayUpgrade(client, scene);
  const listed = new Map([['IMPLEMENTATION', '"IMPLEMENTATION" "Sallyport"']]);
  // SASL may be empty only beside STARTTLS; EXTERNAL asks nobody for a password that is of no use here.
  listed.set('SASL', offer ? '"SASL" ""' : '"SASL" "EXTERNAL"').set('SIEVE', '"SIEVE" ""');
  if (offer) listed.set('STARTTLS', '"STARTTLS"');
  listed.set('VERSION', '"VERSION" "1.0"');
  for (const line of listedCapabilities(client, scene, /^"SASL"/i)) {
    listed.set(/^"([^"]*)"/.exec(line)?.[1]?.toUpperCase() ?? line, line);
  }
  return [...listed.values()].map(line => `${line}\r\n`).join('');
}

/** The upstream's list: its greeting the first time, and after that what it says when it is asked. */
function* forwardCapabilities(client: Peer, upstream: Peer, scene: Scene): Step<string> {
  yield* upstream.connection();
  if (upstream.greeted) upstream.write('CAPABILITY\r\n');
  upstream.greeted = true;
  const { status, lines, last } = yield* fromUpstream(readResponse(upstream));
  const offer = mayUpgrade(client, scene) && status === 'OK' ? ['"STARTTLS"'] : [];
  const kept = lines.filter(line => !STARTTLS.test(line));
  client.write([...kept, ...offer, last].map(line => `${line}\r\n`).join(''));
  return status;
}

/** As a quoted string or a literal (RFC 5804 section 1.7). */
const STARTTLS = /^("STARTTLS"|\{8\+?\}\r\nSTARTTLS) *$/i;

/** A quoted string that is safe to repeat: printable ASCII without escapes (RFC 5804 section 4). */
const TAG = /^"[\x20\x21\x23-\x5b\x5d-\x7e]{0,1024}"$/;

/** RFC 5804 section 2.13: sieve-connect hangs until its tag comes back. */
function* noop(client: Peer, line: string, parameters: string): Step<void> {
  yield* skipLiterals(client, line);
  if (parameters === '') client.write('OK "Done"\r\n');
  else if (TAG.test(parameters)) client.write(`OK (TAG ${parameters}) "Done"\r\n`);
  else client.reject('NO "NOOP takes one quoted string"\r\n');
}

/** What needs a script store behind the dialogue. */
const SERVICE =
  /^(AUTHENTICATE|UNAUTHENTICATE|HAVESPACE|PUTSCRIPT|LISTSCRIPTS|SETACTIVE|GETSCRIPT|DELETESCRIPT|RENAMESCRIPT|CHECKSCRIPT)$/;

function refusal(client: Peer, scene: Scene, command: string): string {
  if (needsTls(client, scene)) return 'NO (ENCRYPT-NEEDED) "TLS required: say STARTTLS first"\r\n';
  if (SERVICE.test(command)) return 'NO (TRYLATER) "No Sieve service behind this server"\r\n';
  return 'NO "Command not recognized"\r\n';
}

/** Octets of literals, and of lines behind them, that are read only to be skipped. */
const SKIP_LIMIT = 8192;

/**
 * Reads on behind a line that ends in a literal, up to the end of the command or response: the octets come
 * without being asked for (RFC 5804 section 1.2), and must never be taken for commands. Returns all of it.
 * Throws ERR_BAD_SYNTAX past 8 KiB.
 */
function* skipLiterals(peer: Peer, first: string): Step<string> {
  let room = SKIP_LIMIT;
  let line = first;
  let whole = first;
  for (let size = literalSize(line); size !== undefined; size = literalSize(line)) {
    room -= size;
    if (room < 0) throw new SallyportError('ERR_BAD_SYNTAX', 'literals are too long');
    const octets = yield* peer.bytes(size);
    line = yield* peer.line(LINE_LIMIT);
    room -= line.length + 1;
    whole += `\r\n${String.fromCharCode(...octets)}${line}`;
  }
  return whole;
}

function literalSize(line: string): number | undefined {
  const size = /\{(\d+)\+?\}$/.exec(line)?.[1];
  return size === undefined ? undefined : Number(size);
}

/** Up to the capabilities that the server says unasked under TLS (RFC 5804 section 2.2). */
function* sieveProbe(plain: Peer): Dialogue {
  const greeting = yield* readResponse(plain);
  if (greeting.status !== 'OK') throw new SallyportError('ERR_UNEXPECTED_REPLY', 'greeting is not OK');
  const offered = greeting.lines.some(line => /^"STARTTLS" *$/i.test(line));
  if (!offered) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('STARTTLS\r\n');
  const { status } = yield* readResponse(plain);
  if (status !== 'OK') throw new SallyportError('ERR_TLS_REFUSED', `${status} to STARTTLS`);
  const secure = yield* plain.connectTls();
  const again = yield* readResponse(secure);
  if (again.status !== 'OK') throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not OK under TLS');
  return 'handOver';
}

const MAX_LINES = 128;

/** A response: its status, `OK`, `NO` or `BYE`, the lines before that, with their literals, and the one with it. */
function* readResponse(server: Peer): Step<{ status: string; lines: string[]; last: string }> {
  const lines: string[] = [];
  while (lines.length < MAX_LINES) {
    const line = yield* skipLiterals(server, yield* server.line(LINE_LIMIT));
    const status = /^(OK|NO|BYE)(?= |\r|$)/i.exec(line)?.[0];
    if (status !== undefined) return { status: status.toUpperCase(), lines, last: line };
    if (!/^["{]/.test(line)) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not a response');
    lines.push(line);
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'response has too many lines');
}

/** RFC 5804 section 1.3: whether to come again helps. */
const CODES: { readonly [code in ErrorCode]?: string } = {
  ERR_TOO_MANY_CONNECTIONS: '(TRYLATER) ',
  ERR_TOO_MANY_FROM_ADDRESS: '(TRYLATER) ',
  ERR_CONNECTION_RATE: '(TRYLATER) ',
  ERR_HANDSHAKE_RATE: '(TRYLATER) ',
  ERR_SHUTTING_DOWN: '(TRYLATER) ',
  ERR_UPSTREAM_UNREACHABLE: '(TRYLATER) ',
  ERR_UPSTREAM_TIMEOUT: '(TRYLATER) ',
  ERR_UPSTREAM_CLOSED: '(TRYLATER) ',
  ERR_UPSTREAM_REPLY: '(TRYLATER) ',
  ERR_APPLICATION: '(TRYLATER) ',
  ERR_INTERNAL: '(TRYLATER) ',
};

/** BYE where the server closes of its own accord. */
function sieveFarewell({ code, summary }: SallyportError): string | undefined {
  if (code === 'ERR_PEER_CLOSED' || code === 'ERR_CLIENT_HELLO') return undefined;
  return `BYE ${CODES[code] ?? ''}"${summary}"\r\n`;
}
