import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';

/** The codes that stand where a startup message has its version (PostgreSQL, "Message Formats"). */
export const requests = {
  cancel: 0x04_d2_16_2e,
  ssl: 0x04_d2_16_2f,
  gssenc: 0x04_d2_16_30,
} as const;

/** Version 3.0 of the protocol. */
export const VERSION_3 = 0x00_03_00_00;

/** `MAX_STARTUP_PACKET_LENGTH` of PostgreSQL, which does not count the length itself. */
const LENGTH_LIMIT = 10_000;

/** Length and code. */
const HEADER = 8;

/** What a client says before it has logged in: the only messages without a type byte. */
export interface StartupMessage {
  readonly code: number;
  /** All of it, as it came. */
  readonly bytes: Uint8Array;
}

/** Reads a startup message or a request. Throws ERR_BAD_SYNTAX for a length that neither can have. */
export function* readStartupMessage(client: Peer): Step<StartupMessage> {
  const header = yield* client.bytes(HEADER);
  const view = new DataView(header.buffer, header.byteOffset, HEADER);
  const length = view.getUint32(0);
  const code = view.getUint32(4);
  const exact = code === requests.ssl || code === requests.gssenc;
  if (length < HEADER || length > LENGTH_LIMIT || (exact && length !== HEADER)) {
    throw new SallyportError('ERR_BAD_SYNTAX', 'length of a startup message');
  }
  const bytes = new Uint8Array(length);
  bytes.set(header);
  bytes.set(yield* client.bytes(length - HEADER), HEADER);
  return { code, bytes };
}

/** Writes a startup message or a request, as latin1. */
export function startupMessage(code: number, body = ''): string {
  return int32(HEADER + body.length) + int32(code) + body;
}

/** Writes an ErrorResponse that ends the session: severity, SQLSTATE and text. */
export function fatal(sqlState: string, text: string): string {
  const fields = `SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`;
  return `E${int32(4 + fields.length)}${fields}`;
}

function int32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Asks for a login in a name that nobody has. */
export const LOGIN = startupMessage(VERSION_3, 'user\0sallyport\0\0');
