import { Buffer } from 'node:buffer';

/** TLS versions as they stand in a ClientHello. */
export const VERSION = { ssl3: 0x0300, tls10: 0x0301, tls11: 0x0302, tls12: 0x0303, tls13: 0x0304 } as const;

/** Key-exchange groups (IANA's registry), the post-quantum ones first. */
export const GROUPS = [
  { id: 0x11ec, name: 'X25519MLKEM768', postQuantum: true },
  { id: 0x11eb, name: 'SecP256r1MLKEM768', postQuantum: true },
  { id: 0x11ed, name: 'SecP384r1MLKEM1024', postQuantum: true },
  { id: 0x001d, name: 'x25519', postQuantum: false },
  { id: 0x0017, name: 'secp256r1', postQuantum: false },
  { id: 0x0018, name: 'secp384r1', postQuantum: false },
  { id: 0x0019, name: 'secp521r1', postQuantum: false },
  { id: 0x001e, name: 'x448', postQuantum: false },
  { id: 0x0100, name: 'ffdhe2048', postQuantum: false },
  { id: 0x0101, name: 'ffdhe3072', postQuantum: false },
] as const;

export interface KeyShare {
  readonly group: number;
  readonly key: Uint8Array;
}

/** What a ClientHello says. We never go beyond it: no key that belongs to it need exist. */
export interface ClientOffer {
  /** The versions offered, the newest first. */
  readonly versions: readonly number[];
  readonly suites: readonly number[];
  readonly groups: readonly number[];
  /** Only for TLS 1.3; none makes the server name the group that it wants (RFC 8446 section 4.2.8). */
  readonly shares: readonly KeyShare[];
  /** SNI; `undefined` for none. */
  readonly servername: string | undefined;
  readonly alpn: readonly string[];
  /** 64 bytes: the random value, and the session id that TLS 1.3 sends for old middleboxes. */
  readonly random: Uint8Array;
}

/** Writes a ClientHello as a handshake message, without the record around it (RFC 5246 section 7.4.1.2, RFC 8446). */
export function encodeClientHello(offer: ClientOffer): Buffer {
  const newest = Math.max(...offer.versions);
  const fallback = 0x00ff; // TLS_EMPTY_RENEGOTIATION_INFO_SCSV: SSL 3.0 has no extensions (RFC 5746)
  const suites = newest === VERSION.tls13 ? offer.suites : [...offer.suites, fallback];
  const extensions = newest === VERSION.ssl3 ? Buffer.alloc(0) : vector(2, ...extensionsOf(offer, newest));
  const body = Buffer.concat([
    uint16(Math.min(newest, VERSION.tls12)),
    offer.random.subarray(0, 32),
    vector(1, newest === VERSION.tls13 ? offer.random.subarray(32, 64) : Buffer.alloc(0)),
    vector(2, ...suites.map(uint16)),
    vector(1, Buffer.from([0])),
    extensions,
  ]);
  return Buffer.concat([Buffer.from([CLIENT_HELLO]), uint24(body.length), body]);
}

/** Puts a handshake message into records of at most `size` bytes of it (RFC 8446 section 5.1). */
export function encodeRecords(message: Buffer, version: number, size = MAX_RECORD): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    // RFC 8446 section 5.1: a first ClientHello says 1.0 at most, for the sake of old servers.
    const header = [Buffer.from([HANDSHAKE]), uint16(Math.min(version, VERSION.tls10)), uint16(part.length)];
    records.push(Buffer.concat([...header, part]));
  }
  return records;
}

const MAX_RECORD = 16_384;
const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;

function extensionsOf(offer: ClientOffer, newest: number): readonly Buffer[] {
  const { servername, groups, alpn, versions, shares } = offer;
  const name = Buffer.from(servername ?? '', 'latin1');
  return [
    ...(servername === undefined ? [] : [extension(0, vector(2, Buffer.from([0]), vector(2, name)))]),
    ...(groups.length === 0 ? [] : [extension(10, vector(2, ...groups.map(uint16)))]),
    extension(11, vector(1, Buffer.from([0]))),
    ...(newest < VERSION.tls12 ? [] : [extension(13, vector(2, ...SIGNATURES.map(uint16)))]),
    extension(23, Buffer.alloc(0)),
    ...(alpn.length === 0
      ? []
      : [extension(16, vector(2, ...alpn.map(id => vector(1, Buffer.from(id, 'latin1')))))]),
    ...(newest < VERSION.tls13
      ? []
      : [
          extension(43, vector(1, ...versions.map(uint16))),
          extension(45, vector(1, Buffer.from([1]))),
          extension(
            51,
            vector(2, ...shares.map(({ group, key }) => Buffer.concat([uint16(group), vector(2, key)]))),
          ),
        ]),
  ];
}

/** Signature schemes, the old ones too: what a certificate is signed with is judged elsewhere. */
const SIGNATURES = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
  0x0601, 0x0301, 0x0303, 0x0201, 0x0203,
];

function extension(type: number, content: Uint8Array): Buffer {
  return Buffer.concat([uint16(type), vector(2, content)]);
}

/** The parts one behind the other, their length before them in one or two bytes. */
function vector(width: 1 | 2, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([width === 1 ? Buffer.from([content.length]) : uint16(content.length), content]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function uint24(value: number): Buffer {
  return Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
}
