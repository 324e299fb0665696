import type { Dialogue, Peer } from '../src/dialogue/peer.ts';
import { mayHandOver, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { startsClientHello } from '../src/wire/client-hello.ts';
import { postgresAudit } from './postgres-audit.ts';
import { fatal, LOGIN, readStartupMessage, requests, startupMessage, VERSION_3 } from './postgres-message.ts';

/** PostgreSQL's protocol 3 with SSLRequest, and with TLS from the first byte as since PostgreSQL 17. */
export const postgres: Protocol = {
  name: 'postgres',
  port: 5432,
  implicitPort: 5432,
  alpn: ['postgresql'],
  implicitRequiresAlpn: true,
  speaksFirst: 'client',
  specifications: ['PostgreSQL Frontend/Backend Protocol'],
  server: postgresServer,
  proxy: (client, upstream, scene) => postgresServer(client, scene, upstream),
  probe: postgresProbe,
  farewell: postgresFarewell,
  audit: postgresAudit,
};

/**
 * Each kind of encryption may be asked for once, and not under TLS: after that its code is taken for the version
 * of the protocol, which nobody speaks. So it is in PostgreSQL, and so nobody can ask for ever. With an upstream, that
 * gets the message that is not about encryption, and never one that is.
 */
function* postgresServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const encryption = new Set<number>(client.secure ? [] : [requests.ssl, requests.gssenc]);
  // As 0x16 begins no length that is allowed, one byte tells. Without ALPN, what we say could be made to pass
  // for the answer of another server with the same certificate (ALPACA, CVE-2021-3618).
  if (!client.secure && startsClientHello(yield* client.peek()) && scene.available()) {
    return yield* client.startTls('', { early: true, requireAlpn: true });
  }
  for (;;) {
    yield* client.begin();
    const { code, bytes } = yield* readStartupMessage(client);
    if (encryption.delete(code)) {
      if (code === requests.ssl && scene.available()) return yield* client.startTls('S');
      client.write('N');
    } else if (mayHandOver(client, scene) && !isEncryption(code)) {
      client.unread(bytes);
      return 'handOver';
    } else {
      // A cancel request is never answered: its sender has another connection to read from.
      if (code !== requests.cancel) client.write(refusal(client, scene, code));
      return 'close';
    }
  }
}

function isEncryption(code: number): boolean {
  return code === requests.ssl || code === requests.gssenc;
}

function refusal(client: Peer, scene: Scene, version: number): string {
  if (version >>> 16 !== VERSION_3 >>> 16) return fatal('0A000', 'Unsupported frontend protocol');
  if (needsTls(client, scene)) return fatal('28000', 'SSL connection is required');
  return fatal('57P03', 'No database behind this server');
}

/** Up to the first message under TLS, which asks for a login or refuses one. */
function* postgresProbe(plain: Peer): Dialogue {
  plain.write(startupMessage(requests.ssl));
  const answer = yield* plain.peek();
  if (answer === NO) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  // Nobody vouches for the text of an ErrorResponse here, so it is not even read (CVE-2024-10977).
  if (answer !== YES) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'neither S nor N');
  yield* plain.bytes(1);
  const secure = yield* plain.connectTls();
  secure.write(LOGIN);
  const header = yield* secure.bytes(5);
  const length = new DataView(header.buffer, header.byteOffset + 1, 4).getUint32(0);
  if ((header[0] !== AUTHENTICATION && header[0] !== ERROR) || length < 8 || length > REPLY_LIMIT) {
    throw new SallyportError('ERR_UNEXPECTED_REPLY', 'neither an authentication request nor an error');
  }
  yield* secure.bytes(length - 4);
  return 'handOver';
}

const YES = 0x53;
const NO = 0x4e;
const AUTHENTICATION = 0x52;
const ERROR = 0x45;

/** What libpq takes for the longest error that makes sense at this point (`PQconnectPoll`). */
const REPLY_LIMIT = 30_000;

/** PostgreSQL, "PostgreSQL Error Codes". */
const SQL_STATES: { readonly [code in ErrorCode]?: string } = {
  ERR_TOO_MANY_CONNECTIONS: '53300',
  ERR_TOO_MANY_FROM_ADDRESS: '53300',
  ERR_CONNECTION_RATE: '53300',
  ERR_HANDSHAKE_RATE: '53300',
  ERR_SHUTTING_DOWN: '57P01',
  ERR_IDLE_TIMEOUT: '57P05',
  ERR_COMMAND_TIMEOUT: '08006',
  ERR_DIALOGUE_TIMEOUT: '08006',
  ERR_TLS_REQUIRED: '28000',
  ERR_UPSTREAM_UNREACHABLE: '57P03',
  ERR_UPSTREAM_TIMEOUT: '57P03',
  ERR_UPSTREAM_CLOSED: '57P03',
  ERR_UPSTREAM_REPLY: '57P03',
};

/** A message of a wrong length is only logged, as PostgreSQL does: who sends one does not speak the protocol. */
const SILENT: ReadonlySet<ErrorCode> = new Set(['ERR_PEER_CLOSED', 'ERR_CLIENT_HELLO', 'ERR_BAD_SYNTAX']);

function postgresFarewell({ code, blame, summary }: SallyportError): string | undefined {
  if (SILENT.has(code)) return undefined;
  // In PostgreSQL's words, as its users search for them (CVE-2021-23214).
  if (code === 'ERR_PLAINTEXT_AFTER_UPGRADE') {
    return fatal('08P01', 'received unencrypted data after SSL request');
  }
  return fatal(SQL_STATES[code] ?? (blame === 'peer' ? '08P01' : 'XX000'), summary);
}
