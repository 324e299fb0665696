import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';

/** The bits of MySQL's "Capabilities Flags" that we know of. */
export const capability = {
  /** Without this bit a client takes us for MariaDB, and some of the filler for more capabilities. */
  longPassword: 0x00_01,
  foundRows: 0x00_02,
  longFlag: 0x00_04,
  connectWithDatabase: 0x00_08,
  noSchema: 0x00_10,
  odbc: 0x00_40,
  localFiles: 0x00_80,
  ignoreSpace: 0x01_00,
  protocol41: 0x02_00,
  interactive: 0x04_00,
  ssl: 0x08_00,
  transactions: 0x20_00,
  secureConnection: 0x80_00,
  multiStatements: 0x01_00_00,
  multiResults: 0x02_00_00,
  preparedMultiResults: 0x04_00_00,
  pluginAuth: 0x08_00_00,
  connectAttributes: 0x10_00_00,
  /** The answer to a challenge may be longer than 250 bytes. */
  lengthEncodedAuth: 0x20_00_00,
  expiredPasswords: 0x40_00_00,
  deprecateEof: 0x01_00_00_00,
} as const;

/** Before a login nobody needs more, and no packet of up to this length begins like a TLS record of version 3.1. */
export const LENGTH_LIMIT = 0xff_ff;

/** The payload of an SSLRequest, which is also how a HandshakeResponse41 begins. */
export const SSL_REQUEST_LENGTH = 32;

/** The part of a packet that is before its payload (MySQL, "Protocol::Packet"). */
export interface PacketHeader {
  /** Bytes of the payload. */
  readonly length: number;
  /** Counts the packets of both sides, from 0 at each new exchange. */
  readonly sequence: number;
  /** All four bytes, as they came. */
  readonly bytes: Uint8Array;
}

export function* readHeader(peer: Peer): Step<PacketHeader> {
  const bytes = yield* peer.bytes(4);
  const word = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return { length: word & 0xff_ff_ff, sequence: word >>> 24, bytes };
}

/** A server's capabilities. Throws ERR_UNEXPECTED_REPLY for what is not HandshakeV10. */
export function* readGreeting(server: Peer): Step<number> {
  const { length, sequence } = yield* readHeader(server);
  if (sequence !== 0 || length > LENGTH_LIMIT)
    throw new SallyportError('ERR_UNEXPECTED_REPLY', 'no greeting');
  return greetingCapabilities(yield* server.bytes(length));
}

/** The capabilities in the payload of a HandshakeV10. Throws ERR_UNEXPECTED_REPLY where it is none. */
export function greetingCapabilities(payload: Uint8Array): number {
  const at = payload.indexOf(0, 1) + BEHIND_VERSION;
  if (payload[0] !== 0x0a || at < BEHIND_VERSION || at + 2 > payload.length) {
    throw new SallyportError('ERR_UNEXPECTED_REPLY', 'greeting is not of protocol 10');
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const upper = at + 7 <= payload.length ? view.getUint16(at + BETWEEN_HALVES, true) : 0;
  return view.getUint16(at, true) | (upper << 16);
}

/** From one half of the capabilities to the other: character set and status are between them. */
const BETWEEN_HALVES = 5;

/** The NUL behind the version, the connection's number, eight bytes of salt, and a filler. */
const BEHIND_VERSION = 1 + 4 + 8 + 1;

/** Writes a packet; the payload is latin1, and shorter than 16 MiB. */
export function packet(sequence: number, payload: string): string {
  return integer(payload.length, 3) + integer(sequence & 0xff, 1) + payload;
}

/** An ERR packet's content. */
export interface Refusal {
  readonly number: number;
  /** Absent before the greeting: which client would understand it is not known by then ("ERR_Packet"). */
  readonly sqlState?: string;
  readonly text: string;
}

export function errorPacket(sequence: number, { number, sqlState, text }: Refusal): string {
  const state = sqlState === undefined ? '' : `#${sqlState}`;
  return packet(sequence, `\xff${integer(number, 2)}${state}${text}`);
}

/** An unsigned number of so many bytes, the least significant first. */
export function integer(value: number, bytes: number): string {
  return String.fromCharCode(...Array.from({ length: bytes }, (_, index) => (value >>> (8 * index)) & 0xff));
}
