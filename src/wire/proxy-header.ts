import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';
import { crc32c } from './crc32c.ts';
import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text, isPort } from './ip-address.ts';

/** One end of a TCP connection. */
export interface Endpoint {
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
}

/** What a PROXY header tells: the connection that the one it stands on is made for. */
export interface ProxyHeader {
  /** Absent where the header tells of none that we understand: then the connection stands for itself. */
  readonly endpoints: { readonly source: Endpoint; readonly destination: Endpoint } | undefined;
  /** The values of version 2, in order; those of no type that we know as well. */
  readonly values: readonly ProxyValue[];
}

/** A type-length-value of version 2, section 2.2. */
export interface ProxyValue {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Section 2.1: the longest line, its CRLF included. */
const LINE_LIMIT = 107;

/** Bytes of a version 2 header behind its first 16: what a sender needs, and no more than an attacker may have us keep. */
const BODY_LIMIT = 4096;

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const HEAD = SIGNATURE.length + 4;
export const CRC32C = 0x03;

/**
 * Reads the header of HAProxy's PROXY protocol, version 1 or 2, at the beginning of `bytes`; `undefined` where more
 * bytes are needed, never more than 4112. Throws ERR_PROXY_HEADER for all that is none, as soon as that shows.
 */
export function readProxyHeader(
  bytes: Uint8Array,
): { readonly header: ProxyHeader; readonly length: number } | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length === 0) return undefined;
  return data[0] === SIGNATURE[0] ? readBinary(data) : readLine(data);
}

/** Whether text, as latin1, begins with what begins a header; `undefined` where more of it must tell. */
export function beginsProxyHeader(text: string): boolean | undefined {
  const begins = [SIGNATURE.toString('latin1'), 'PROXY '];
  if (begins.some(begin => text.startsWith(begin))) return true;
  return begins.some(begin => begin.startsWith(text)) ? undefined : false;
}

function readLine(data: Buffer) {
  const text = data.toString('latin1', 0, LINE_LIMIT);
  if (!'PROXY '.startsWith(text.slice(0, 6))) throw malformed('neither version 1 nor 2');
  const end = text.search(/[\r\n]/);
  const cut = end < 0 || (end === text.length - 1 && text[end] === '\r');
  if (cut && text.length < LINE_LIMIT) return undefined;
  if (cut || text.slice(end, end + 2) !== '\r\n') throw malformed('line without CRLF');
  return { header: { endpoints: endpointsOfLine(text.slice(6, end)), values: [] }, length: end + 2 };
}

function endpointsOfLine(text: string): ProxyHeader['endpoints'] {
  // Whatever stands behind it is to be ignored.
  if (/^UNKNOWN( .*)?$/.test(text)) return undefined;
  const [family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] =
    text.split(' ');
  const bytesOf = family === 'TCP4' ? ipv4Bytes : family === 'TCP6' ? ipv6Bytes : undefined;
  if (bytesOf === undefined) throw malformed('unknown family');
  if (bytesOf(source) === undefined || bytesOf(destination) === undefined) throw malformed('bad address');
  if (more.length > 0 || !isPort(sourcePort) || !isPort(destinationPort)) throw malformed('bad port');
  return {
    source: { address: source, port: Number(sourcePort) },
    destination: { address: destination, port: Number(destinationPort) },
  };
}

function readBinary(data: Buffer) {
  const begun = Math.min(data.length, SIGNATURE.length);
  if (data.compare(SIGNATURE, 0, begun, 0, begun) !== 0) throw malformed('bad signature');
  const [versionAndCommand, familyAndTransport] = [data[12], data[13]];
  if (versionAndCommand !== undefined && versionAndCommand >> 4 !== 2) throw malformed('bad version');
  if (versionAndCommand !== undefined && (versionAndCommand & 15) > 1) throw malformed('bad command');
  if (data.length < HEAD || versionAndCommand === undefined || familyAndTransport === undefined)
    return undefined;
  const length = HEAD + data.readUInt16BE(14);
  if (length > HEAD + BODY_LIMIT) throw malformed('too long');
  if (data.length < length) return undefined;
  const whole = data.subarray(0, length);
  // LOCAL: the whole block is to be passed over, its family included.
  if ((versionAndCommand & 15) === 0) return { header: { endpoints: undefined, values: [] }, length };
  const { endpoints, size } = endpointsOfBlock(familyAndTransport, whole.subarray(HEAD));
  const values = readValues(whole.subarray(HEAD + size));
  checkSum(whole, values);
  return { header: { endpoints, values }, length };
}

/** Section 2.2: the bytes that the addresses of a family take. */
const ADDRESS_SIZES = [0, 12, 36, 216] as const;

function endpointsOfBlock(familyAndTransport: number, block: Buffer) {
  const [family, transport] = [familyAndTransport >> 4, familyAndTransport & 15];
  const size = ADDRESS_SIZES[family];
  if (size === undefined || transport > 2) throw malformed('unknown family or transport');
  // Without a family nobody knows how much of the block are addresses, so no values are read from it either.
  if (family === 0 || transport === 0) return { endpoints: undefined, size: block.length };
  if (block.length < size) throw malformed('addresses cut off');
  if (family === 3 || transport !== 1) return { endpoints: undefined, size };
  const [width, textOf] = family === 1 ? [4, ipv4Text] : [16, ipv6Text];
  const address = (index: number) => textOf(block.subarray(index * width, (index + 1) * width));
  const port = (index: number) => block.readUInt16BE(2 * width + 2 * index);
  const source = { address: address(0), port: port(0) };
  return { endpoints: { source, destination: { address: address(1), port: port(1) } }, size };
}

/** Reads type-length-values up to the end of `bytes`. Throws ERR_PROXY_HEADER where one is cut off. */
export function readValues(bytes: Uint8Array): ProxyValue[] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: ProxyValue[] = [];
  for (let at = 0; at < data.length; ) {
    const start = at + 3;
    const end = start > data.length ? start : start + data.readUInt16BE(at + 1);
    if (end > data.length) throw malformed('value cut off');
    values.push({ type: data.readUInt8(at), value: data.subarray(start, end) });
    at = end;
  }
  return values;
}

/** Section 2.2.3: where there is a checksum, it must be right. */
function checkSum(whole: Buffer, values: readonly ProxyValue[]): void {
  for (const { type, value } of values) {
    if (type !== CRC32C) continue;
    if (value.length !== 4) throw malformed('bad checksum');
    const copy = Buffer.from(whole);
    const at = value.byteOffset - whole.byteOffset;
    const stated = copy.readUInt32BE(at);
    copy.fill(0, at, at + 4);
    if (crc32c(copy) !== stated) throw malformed('bad checksum');
  }
}

/** The header as a line, version 1; `UNKNOWN` where the two ends are not of one family of IP. */
export function proxyLine(source: Endpoint, destination: Endpoint): string {
  const [from, to] = [source.address, destination.address];
  const four = ipv4Bytes(from) !== undefined && ipv4Bytes(to) !== undefined;
  const six = ipv6Bytes(from) !== undefined && ipv6Bytes(to) !== undefined;
  if (!four && !six) return 'PROXY UNKNOWN\r\n';
  return `PROXY ${four ? 'TCP4' : 'TCP6'} ${from} ${to} ${source.port} ${destination.port}\r\n`;
}

/** The header as version 2 has it, with its checksum; `UNSPEC` where the two ends are not of one family of IP. */
export function proxyBlock(
  source: Endpoint,
  destination: Endpoint,
  values: readonly ProxyValue[],
): Uint8Array {
  const { family, addresses } = addressBlock(source, destination);
  const checksum = { type: CRC32C, value: new Uint8Array(4) };
  // Behind an unspecified family come no values: their reader could not tell where they begin.
  const body =
    family === 0 ? Buffer.alloc(0) : Buffer.concat([addresses, writeValues([...values, checksum])]);
  const head = Buffer.from([0x21, family, body.length >> 8, body.length & 255]);
  const whole = Buffer.concat([SIGNATURE, head, body]);
  if (family !== 0) whole.writeUInt32BE(crc32c(whole), whole.length - 4);
  return whole;
}

function addressBlock(source: Endpoint, destination: Endpoint) {
  for (const [family, bytesOf] of [
    [0x11, ipv4Bytes],
    [0x21, ipv6Bytes],
  ] as const) {
    const [from, to] = [bytesOf(source.address), bytesOf(destination.address)];
    if (from === undefined || to === undefined) continue;
    const ports = Buffer.alloc(4);
    ports.writeUInt16BE(source.port, 0);
    ports.writeUInt16BE(destination.port, 2);
    return { family, addresses: Buffer.concat([from, to, ports]) };
  }
  return { family: 0, addresses: Buffer.alloc(0) };
}

/** Writes type-length-values, one behind the other. */
export function writeValues(values: readonly ProxyValue[]): Uint8Array {
  return Buffer.concat(
    values.flatMap(({ type, value }) => [
      Buffer.from([type, value.length >> 8, value.length & 255]),
      Buffer.from(value),
    ]),
  );
}

function malformed(detail: string): SallyportError {
  return new SallyportError('ERR_PROXY_HEADER', detail);
}
