import { Buffer } from 'node:buffer';

/** What a ClientHello says of whom it wants to reach, and of the certificates that it can judge. */
export interface ClientHello {
  /** SNI, latin1, as the client sent it; `undefined` for none (RFC 6066 section 3). */
  readonly servername: string | undefined;
  /** ALPN ids, latin1; none where the client sent none (RFC 7301 section 3.1). */
  readonly alpn: readonly string[];
  readonly judges: ClientJudgement;
}

/** By which algorithms a client can check a server's signature: IANA's numbers, none where the client sent none. */
export interface ClientJudgement {
  /** RFC 8446 section 4.2.1; a client of TLS 1.2 and below sends none. */
  readonly versions: readonly number[];
  readonly suites: readonly number[];
  /** RFC 8446 section 4.2.7. */
  readonly groups: readonly number[];
  /** RFC 8446 section 4.2.3. */
  readonly signatures: readonly number[];
  /** Whether those in a chain have a list of their own (`signature_algorithms_cert`). */
  readonly particular: boolean;
}

/** The content type of a TLS handshake record (RFC 8446 section 5.1). */
const HANDSHAKE = 0x16;

/**
 * Whether what has come begins like a TLS handshake record, where text is expected. One byte decides: no
 * command of any line protocol begins with 0x16, and waiting for a second would let a cut change the answer.
 */
export function startsClientHello(first: number | Uint8Array | undefined): boolean {
  return (typeof first === 'object' ? first[0] : first) === HANDSHAKE;
}

/** So many bytes must be there before it makes sense to look again. */
export interface Incomplete {
  readonly needs: number;
}

/**
 * Reads a ClientHello from the first bytes of a connection, records and all. `undefined` for what is none, is damaged,
 * or is longer than any that is meant: that is for TLS to refuse, in its own words.
 */
export function decodeClientHello(bytes: Buffer): ClientHello | Incomplete | undefined {
  const found = readMessage(bytes);
  if (found === undefined || 'needs' in found) return found;
  try {
    return readHello(new Reader(found.body));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const CLIENT_HELLO = 1;

/** With the largest key share of today one has about 2 KiB. */
const LONGEST = 32_768;

/** The body of the first handshake message, put together from as many records as it was cut into. */
function readMessage(bytes: Buffer): { readonly body: Buffer } | Incomplete | undefined {
  const parts: Buffer[] = [];
  let length = MESSAGE_HEADER;
  let have = 0;
  for (let at = 0; have < length; ) {
    if (at + RECORD_HEADER > bytes.length) return { needs: at + RECORD_HEADER };
    const size = bytes.readUInt16BE(at + 3);
    const end = at + RECORD_HEADER + size;
    // RFC 8446 section 5.1: no record of the handshake is empty.
    if (bytes[at] !== HANDSHAKE || size === 0 || end > LONGEST) return undefined;
    if (end > bytes.length) return { needs: end };
    parts.push(bytes.subarray(at + RECORD_HEADER, end));
    have += size;
    at = end;
    if (have < MESSAGE_HEADER || length > MESSAGE_HEADER) continue;
    const header = Buffer.concat(parts);
    if (header[0] !== CLIENT_HELLO) return undefined;
    length = MESSAGE_HEADER + header.readUIntBE(1, 3);
  }
  return { body: Buffer.concat(parts).subarray(MESSAGE_HEADER, length) };
}

const SERVER_NAME = 0;
const HOST_NAME = 0;
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;
const SIGNATURE_ALGORITHMS_CERT = 50;

/** RFC 8446 section 4.1.2: version, random, session id, suites, compression methods, extensions. */
function readHello(hello: Reader): ClientHello {
  hello.take(34);
  hello.vector(1);
  const suites = readNumbers(hello.vector(2));
  hello.vector(1);
  const extensions = readExtensions(hello.done ? undefined : hello.vector(2));
  const numbers = (type: number, width: 1 | 2) => {
    const content = extensions.get(type);
    return content === undefined ? [] : readNumbers(content.vector(width));
  };
  const name = extensions.get(SERVER_NAME);
  const ids = extensions.get(ALPN);
  return {
    servername: name && readName(name),
    alpn: ids === undefined ? [] : readIds(ids),
    judges: {
      versions: numbers(SUPPORTED_VERSIONS, 1),
      suites,
      groups: numbers(SUPPORTED_GROUPS, 2),
      signatures: numbers(SIGNATURE_ALGORITHMS, 2),
      particular: extensions.has(SIGNATURE_ALGORITHMS_CERT),
    },
  };
}

function readExtensions(list: Reader | undefined): ReadonlyMap<number, Reader> {
  const found = new Map<number, Reader>();
  while (list !== undefined && !list.done) found.set(list.number(2), list.vector(2));
  return found;
}

function readNumbers(list: Reader): readonly number[] {
  const numbers: number[] = [];
  while (!list.done) numbers.push(list.number(2));
  return numbers;
}

function readName(content: Reader): string | undefined {
  const list = content.vector(2);
  while (!list.done) {
    const kind = list.number(1);
    const name = list.vector(2);
    if (kind === HOST_NAME) return name.rest.toString('latin1');
  }
  return undefined;
}

function readIds(content: Reader): readonly string[] {
  const list = content.vector(2);
  const ids: string[] = [];
  while (!list.done) ids.push(list.vector(1).rest.toString('latin1'));
  return ids;
}

/** Throws RangeError beyond the end. */
class Reader {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#bytes.length === 0;
  }

  get rest(): Buffer {
    return this.#bytes;
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length) throw new RangeError('cut off');
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  number(width: 1 | 2): number {
    return this.take(width).readUIntBE(0, width);
  }

  /** What has its length before it (RFC 8446 section 3.4). */
  vector(width: 1 | 2): Reader {
    return new Reader(this.take(this.number(width)));
  }
}
