import type { Dialogue, Peer } from '../src/dialogue/peer.ts';
import { mayHandOver, mayUpgrade, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { startsClientHello } from '../src/wire/client-hello.ts';
import { mysqlAudit } from './mysql-audit.ts';
import { canSwitch, logIn } from './mysql-exchange.ts';
import { anonymousLogin, PLUGIN, responseStart, UTF8MB4 } from './mysql-login.ts';
import {
  capability,
  errorPacket,
  integer,
  LENGTH_LIMIT,
  type PacketHeader,
  packet,
  type Refusal,
  readGreeting,
  readHeader,
  SSL_REQUEST_LENGTH,
} from './mysql-packet.ts';
import { PROXIED } from './mysql-response.ts';

/** The connection phase of MySQL and MariaDB, protocol 10, with SSLRequest. */
export const mysql: Protocol = {
  name: 'mysql',
  port: 3306,
  speaksFirst: 'server',
  specifications: ['MySQL Client/Server Protocol'],
  server: mysqlServer,
  proxy: (client, upstream, scene) => mysqlServer(client, scene, upstream),
  probe: mysqlProbe,
  farewell: mysqlFarewell,
  audit: mysqlAudit,
};

const OURS =
  capability.longPassword |
  capability.connectWithDatabase |
  capability.protocol41 |
  capability.transactions |
  capability.secureConnection |
  capability.pluginAuth |
  capability.deprecateEof;

const AUTOCOMMIT = 0x00_02;

const BAD_HANDSHAKE = { number: 1043, sqlState: '08S01', text: 'Bad handshake' };
const TLS_REQUIRED = { number: 3159, sqlState: 'HY000', text: 'TLS is required: connect with SSL' };
const OLD_CLIENT = { number: 1251, sqlState: '08004', text: 'Client cannot be asked to authenticate anew' };
const NO_DATABASE = { number: 1105, sqlState: 'HY000', text: 'No database behind this server' };

/**
 * One packet decides. Nothing acknowledges an SSLRequest, so what comes behind it is the ClientHello; it may even
 * come before our greeting was read, as from testssl. With an upstream, the login is part of the dialogue.
 */
function* mysqlServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (!client.upgraded) client.write(greeting(client, scene, upstream === undefined ? OURS : PROXIED));
  client.progress = client.upgraded ? 3 : 2;
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const header = yield* readHeader(client);
  if (beginsTls(header)) throw new SallyportError('ERR_CLIENT_HELLO');
  if (header.length > LENGTH_LIMIT) return refuseHandshake(client, header);
  const payload = yield* client.bytes(header.length);
  const capabilities = capabilitiesOf(payload);
  if ((capabilities & capability.protocol41) === 0 || header.sequence !== (client.upgraded ? 2 : 1)) {
    return refuseHandshake(client, header);
  }
  if (!client.secure && (capabilities & capability.ssl) !== 0) {
    // MySQL would take a longer packet for an SSLRequest as well: what is in it came in plaintext.
    const asked = payload.length === SSL_REQUEST_LENGTH && scene.available();
    return asked ? yield* client.startTls('', { early: true }) : refuseHandshake(client, header);
  }
  if (payload.length === SSL_REQUEST_LENGTH) return refuseHandshake(client, header);
  if (mayHandOver(client, scene) && upstream !== undefined) {
    if (canSwitch(capabilities)) return yield* logIn(client, upstream, { ...header, payload });
    client.write(errorPacket(header.sequence + 1, OLD_CLIENT));
    return 'close';
  }
  if (mayHandOver(client, scene)) {
    client.unread(payload);
    client.unread(header.bytes);
    return 'handOver';
  }
  client.write(errorPacket(header.sequence + 1, needsTls(client, scene) ? TLS_REQUIRED : NO_DATABASE));
  return 'close';
}

/** HandshakeV10. All in one packet and one write: s_client reads once, and compares the lengths. */
function greeting(client: Peer, scene: Scene, ours: number): string {
  const capabilities = mayUpgrade(client, scene) ? ours | capability.ssl : ours;
  // Letters and digits are neither NUL nor `$`, which old clients cannot take in a salt.
  const token = scene.token().padEnd(SALT_LENGTH + 4, '0');
  const salt = token.slice(0, SALT_LENGTH);
  const connection = token.slice(SALT_LENGTH, SALT_LENGTH + 4);
  return packet(
    0,
    `\x0a${VERSION}\0${connection}${salt.slice(0, 8)}\0${integer(capabilities, 2)}` +
      `${integer(UTF8MB4, 1)}${integer(AUTOCOMMIT, 2)}${integer(capabilities >>> 16, 2)}` +
      `${integer(SALT_LENGTH + 1, 1)}${'\0'.repeat(10)}${salt.slice(8)}\0${PLUGIN}\0`,
  );
}

const SALT_LENGTH = 20;

/** Drivers read the number: since 8.0 there is all that we offer. MariaDB's would begin with `5.5.5-`. */
const VERSION = '8.0.0-sallyport';

/** The version of a TLS record is never 0x00 in its second byte: as a length it is over the limit. */
function beginsTls({ bytes, length }: PacketHeader): boolean {
  return startsClientHello(bytes) && bytes[1] === 0x03 && length > LENGTH_LIMIT;
}

/** None, where the payload is too short to be one of ours. */
function capabilitiesOf(payload: Uint8Array): number {
  if (payload.length < SSL_REQUEST_LENGTH) return 0;
  return new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true);
}

/** Said here and not as a farewell: only here is it known which packet it answers. */
function refuseHandshake(client: Peer, { sequence }: PacketHeader): never {
  client.write(errorPacket(sequence + 1, BAD_HANDSHAKE));
  throw new SallyportError('ERR_BAD_SYNTAX', 'bad handshake');
}

/** Up to the first packet under TLS, whichever it is: an anonymous login is rarely welcome. */
function* mysqlProbe(plain: Peer, scene: Scene): Dialogue {
  const offered = yield* readGreeting(plain);
  if ((offered & capability.ssl) === 0) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write(scene.upgradeCommand ?? packet(1, responseStart({ tls: true })));
  const secure = yield* plain.connectTls();
  secure.write(anonymousLogin(2, { tls: true }));
  const { length, sequence } = yield* readHeader(secure);
  if (length === 0 || length > LENGTH_LIMIT || sequence !== 3)
    throw new SallyportError('ERR_UNEXPECTED_REPLY');
  yield* secure.bytes(length);
  return 'handOver';
}

/** MySQL, "Server Error Message Reference". */
const TOO_MANY = { number: 1040, sequence: 0 };
/** The same number, which says that to come again later helps. */
const NO_UPSTREAM = { number: 1040, sqlState: '08004', sequence: 3 };
const TIMEOUT = { number: 1159, sqlState: '08S01', sequence: 2 };
const WORDS: { readonly [code in ErrorCode]?: Omit<Refusal, 'text'> & { readonly sequence: number } } = {
  ERR_TOO_MANY_CONNECTIONS: TOO_MANY,
  ERR_TOO_MANY_FROM_ADDRESS: TOO_MANY,
  ERR_CONNECTION_RATE: TOO_MANY,
  ERR_HANDSHAKE_RATE: { number: 1040, sqlState: '08004', sequence: 2 },
  ERR_SHUTTING_DOWN: { number: 1053, sqlState: '08S01', sequence: 2 },
  ERR_COMMAND_TIMEOUT: TIMEOUT,
  ERR_DIALOGUE_TIMEOUT: TIMEOUT,
  // Mostly in a session, between two commands: there each exchange counts from 0.
  ERR_IDLE_TIMEOUT: { ...TIMEOUT, sequence: 0 },
  ERR_TLS_REQUIRED: { ...TLS_REQUIRED, sequence: 2 },
  ERR_UPSTREAM_UNREACHABLE: NO_UPSTREAM,
  ERR_UPSTREAM_TIMEOUT: NO_UPSTREAM,
  ERR_UPSTREAM_CLOSED: NO_UPSTREAM,
  ERR_UPSTREAM_REPLY: NO_UPSTREAM,
};

const SILENT: ReadonlySet<ErrorCode> = new Set(['ERR_PEER_CLOSED', 'ERR_CLIENT_HELLO', 'ERR_BAD_SYNTAX']);

/** In a dialogue the number is the next one. Without one, two come before the greeting, the others answer a packet. */
function mysqlFarewell(
  { code, blame, summary }: SallyportError,
  _scene: Scene,
  client?: Peer,
): string | undefined {
  if (SILENT.has(code)) return undefined;
  const otherwise = blame === 'peer' ? BAD_HANDSHAKE : NO_DATABASE;
  const { sequence, ...words } = WORDS[code] ?? { ...otherwise, sequence: 2 };
  return errorPacket(client?.progress ?? sequence, { ...words, text: summary });
}
