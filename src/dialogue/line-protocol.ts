import { SallyportError } from '../errors.ts';
import type { Audit } from './audit.ts';
import { fromUpstream } from './from-upstream.ts';
import type { Dialogue, Peer, Step } from './peer.ts';
import { mayHandOver, needsTls, type Protocol, type Scene } from './protocol.ts';

/**
 * A line protocol in a few strings, each of them one line of printable ASCII without its line end. In all
 * replies `{hostname}` stands for our name.
 */
export interface LineProtocolOptions {
  readonly name: string;
  /** The port for plaintext and the upgrade. */
  readonly port: number;
  /** The port for TLS from the first byte. Default: none. */
  readonly implicitPort?: number;
  /** ALPN protocol ids. Default: none, and ALPN is not negotiated. */
  readonly alpn?: readonly string[];
  /** What `openssl s_client -starttls` calls a dialogue that is like this one. Default: the name. */
  readonly sClientName?: string;
  /** What the server says first. Default: nothing, the client speaks first. */
  readonly greeting?: string;
  /** The command for the upgrade, case-insensitive. Default `STARTTLS`. */
  readonly upgrade?: string;
  /** The reply that lets the client send its ClientHello. Default `OK Begin TLS`. */
  readonly goAhead?: string;
  /** The reply when TLS cannot be had for now. Default `ERR TLS not available for now`. */
  readonly refusal?: string;
  /** The reply to the upgrade command under TLS. Default `ERR TLS is already on`. */
  readonly alreadySecure?: string;
  /** The reply to the upgrade command with an argument. Default `ERR STARTTLS takes no argument`. */
  readonly badArgument?: string;
  /** The reply, before TLS, to what needs TLS. Default `ERR TLS required, say STARTTLS`. */
  readonly tlsRequired?: string;
  /** The reply to what nobody takes. Default `ERR Unknown command`. */
  readonly unknownCommand?: string;
  /** A command that ends the connection, case-insensitive. Default: none. */
  readonly quit?: string;
  /** The reply to it. Default `OK Bye`. */
  readonly goodbye?: string;
  /** What our client, the probe, says first under TLS; the reply begins as the go-ahead does. Default: nothing. */
  readonly hello?: string;
  /** Last words before the connection is closed; `{reason}` says why. Default `ERR {reason}`. */
  readonly farewell?: string;
  /** Bytes of a command line, its end included. Default 1024. */
  readonly lineLimit?: number;
  /**
   * More commands of the dialogue, by their names in capitals: what is answered before TLS, and under TLS
   * where no application is. Default: none.
   */
  readonly commands?: Readonly<Record<string, LineCommand>>;
}

/** Answers one command: with `client.write`, or with `client.reject` where it was a bad one. */
export type LineCommand = (client: Peer, argument: string, scene: Scene) => void;

/** Every default of `LineProtocolOptions` that is a reply or a limit; `{upgrade}` is the upgrade command. */
const DEFAULTS = {
  upgrade: 'STARTTLS',
  goAhead: 'OK Begin TLS',
  refusal: 'ERR TLS not available for now',
  alreadySecure: 'ERR TLS is already on',
  badArgument: 'ERR {upgrade} takes no argument',
  tlsRequired: 'ERR TLS required, say {upgrade}',
  unknownCommand: 'ERR Unknown command',
  goodbye: 'OK Bye',
  farewell: 'ERR {reason}',
  lineLimit: 1024,
  commands: {},
} as const satisfies Partial<LineProtocolOptions>;

type Definition = LineProtocolOptions & Required<Pick<LineProtocolOptions, keyof typeof DEFAULTS>>;

/**
 * Makes the protocol of a server whose client says `STARTTLS`, alone on a line. Throws ERR_OPTION, which names
 * the field, for a string that is empty or not one line of printable ASCII, and for a number out of range.
 */
export function defineLineProtocol(options: LineProtocolOptions): Protocol {
  const definition: Definition = { ...DEFAULTS, ...withoutUndefined(options) };
  checkFields(definition);
  const { name, port, implicitPort, alpn, sClientName, greeting, farewell } = definition;
  return {
    name,
    port,
    ...(implicitPort === undefined ? {} : { implicitPort }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(sClientName === undefined ? {} : { sClientName }),
    speaksFirst: greeting === undefined ? 'client' : 'server',
    specifications: [],
    server: (client, scene) => lineServer(client, scene, definition),
    proxy: (client, upstream, scene) => lineServer(client, scene, definition, upstream),
    probe: server => lineProbe(server, definition),
    audit: lineAudit(definition),
    farewell(error, scene) {
      if (error.code === 'ERR_PEER_CLOSED' || error.code === 'ERR_CLIENT_HELLO') return undefined;
      return worded(farewell.replaceAll('{reason}', error.summary), definition, scene);
    },
  };
}

function* lineServer(client: Peer, scene: Scene, definition: Definition, upstream?: Peer): Dialogue {
  const { greeting, upgrade, goAhead, quit, goodbye, lineLimit } = definition;
  if (greeting !== undefined && !client.upgraded) client.write(worded(greeting, definition, scene));
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  for (;;) {
    const line = yield* client.command(lineLimit);
    if (argumentOf(line, upgrade) !== undefined) {
      const refused = upgradeRefusal(client, scene, line, definition);
      if (refused !== undefined) client.reject(worded(refused, definition, scene));
      else {
        const refusal = worded(definition.refusal, definition, scene);
        yield* client.startTls(worded(goAhead, definition, scene), { refusal });
      }
    } else if (quit !== undefined && argumentOf(line, quit) === '') {
      client.write(worded(goodbye, definition, scene));
      return 'close';
    } else if (mayHandOver(client, scene)) {
      if (upstream !== undefined && !(yield* receiveGreeting(client, upstream, definition))) return 'close';
      client.unread(`${line}\r\n`);
      return 'handOver';
    } else answer(client, scene, line, definition);
  }
}

/** The client has had our greeting; another one in its place is the upstream's answer to the client as well. */
function* receiveGreeting(client: Peer, upstream: Peer, { greeting }: Definition): Step<boolean> {
  if (greeting === undefined) return true;
  yield* upstream.connection();
  if (upstream.greeted) return true;
  const line = yield* fromUpstream(upstream.line());
  upstream.greeted = beginsLike(line, greeting);
  if (!upstream.greeted) client.write(`${line}\r\n`);
  return upstream.greeted;
}

function upgradeRefusal(client: Peer, scene: Scene, line: string, definition: Definition) {
  if (argumentOf(line, definition.upgrade) !== '') return definition.badArgument;
  if (client.secure) return definition.alreadySecure;
  if (!scene.available()) return definition.refusal;
  return undefined;
}

function answer(client: Peer, scene: Scene, line: string, definition: Definition): void {
  const { commands, tlsRequired, unknownCommand } = definition;
  const named = Object.entries(commands).find(([name]) => argumentOf(line, name) !== undefined);
  if (named === undefined) {
    client.reject(worded(needsTls(client, scene) ? tlsRequired : unknownCommand, definition, scene));
    return;
  }
  const [name, command] = named;
  command(client, argumentOf(line, name) ?? '', scene);
}

/** What stands behind a command, which may be of several words; `undefined` if the line has another. */
function argumentOf(line: string, command: string): string | undefined {
  if (line.slice(0, command.length).toUpperCase() !== command.toUpperCase()) return undefined;
  const rest = line.slice(command.length);
  return rest === '' || rest.startsWith(' ') ? rest.trim() : undefined;
}

function worded(text: string, { upgrade }: Definition, { hostname }: Scene): string {
  return `${text.replaceAll('{upgrade}', () => upgrade).replaceAll('{hostname}', () => hostname)}\r\n`;
}

/** A command that nobody has shows itself by the refusal, where that has a first word of its own. */
function lineAudit({ greeting, upgrade, goAhead, unknownCommand, alreadySecure, hello }: Definition): Audit {
  const refusal = beginning(unknownCommand);
  const distinct = refusal !== undefined && (hello === undefined || refusal !== beginning(goAhead));
  const again = beginning(goAhead);
  return {
    opening: () => (greeting === undefined ? [] : [{ say: '', reply: /\n/ }]),
    ...(distinct ? { harmless: { say: 'XSALLYPORT\r\n', reply: firstWord(refusal) } } : {}),
    ...(again === undefined || again === beginning(alreadySecure)
      ? {}
      : { again: { say: `${upgrade}\r\n`, reply: firstWord(again) } }),
  };
}

/** The first word of a reply; `undefined` where our name is in it. */
function beginning(reply: string): string | undefined {
  const [word = ''] = reply.split(' ');
  return word.includes('{') ? undefined : word;
}

function firstWord(word: string): RegExp {
  return new RegExp(`^${word.replace(/[^\w]/g, '\\$&')}( |$)`, 'm');
}

/** There is no list of capabilities to look at: what the server can do shows in its reply. */
function* lineProbe(plain: Peer, { greeting, upgrade, goAhead, hello }: Definition): Dialogue {
  if (greeting !== undefined) yield* expectLine(plain, greeting, 'ERR_UNEXPECTED_REPLY');
  plain.write(`${upgrade}\r\n`);
  yield* expectLine(plain, goAhead, 'ERR_TLS_REFUSED');
  const secure = yield* plain.connectTls();
  if (hello !== undefined) {
    secure.write(`${hello}\r\n`);
    yield* expectLine(secure, goAhead, 'ERR_UNEXPECTED_REPLY');
  }
  return 'handOver';
}

/** The first word of a reply says what it means, as `OK` and `ERR` do; the rest is for people. */
function* expectLine(
  server: Peer,
  expected: string,
  otherwise: 'ERR_UNEXPECTED_REPLY' | 'ERR_TLS_REFUSED',
): Step<void> {
  if (!beginsLike(yield* server.line(), expected)) throw new SallyportError(otherwise);
}

function beginsLike(line: string, expected: string): boolean {
  const [word = ''] = expected.split(' ');
  return word.includes('{') || line.split(' ')[0] === word;
}

/** A field that is given as `undefined` means its default. */
function withoutUndefined(options: LineProtocolOptions): LineProtocolOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as LineProtocolOptions; // the same keys, fewer of them
}

function checkFields(definition: Definition): void {
  for (const [field, value] of Object.entries(definition)) {
    const texts = Array.isArray(value) ? value : [value];
    if (!texts.every(text => typeof text !== 'string' || /^[\x20-\x7e]+$/.test(text))) {
      throw new SallyportError('ERR_OPTION', `${field} must be one line of printable ASCII`);
    }
  }
  checkNumber('port', definition.port, 1);
  if (definition.implicitPort !== undefined) checkNumber('implicitPort', definition.implicitPort, 1);
  // A greeting line and a command with a word behind it must have room.
  checkNumber('lineLimit', definition.lineLimit, 64);
}

function checkNumber(field: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= MAX_NUMBER) return;
  throw new SallyportError('ERR_OPTION', `${field} must be a whole number from ${least} to ${MAX_NUMBER}`);
}

const MAX_NUMBER = 65_535;
