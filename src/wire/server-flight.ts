import { Buffer } from 'node:buffer';

/** What a server answered to a ClientHello, as far as it can be read without a key. */
export interface ServerFlight {
  /** `undefined` until it has come. */
  readonly hello: ServerHello | undefined;
  /** DER, in the server's order. TLS 1.3 encrypts them: then there are none. */
  readonly certificates: readonly Uint8Array[];
  /** The description of an alert (RFC 8446 section 6). */
  readonly alert: number | undefined;
  /** What is no TLS record, and all behind it. */
  readonly plaintext: Buffer | undefined;
  /** Whether no more need be waited for. */
  readonly complete: boolean;
}

export interface ServerHello {
  readonly version: number;
  readonly suite: number;
  /** The group of the key exchange; in TLS 1.2 it comes with the server's key. */
  readonly group: number | undefined;
  /** Whether the server asks for another ClientHello (RFC 8446 section 4.1.4). */
  readonly retry: boolean;
  readonly alpn: string | undefined;
}

interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** Reads what has come so far. Bytes that are cut off or cannot be read are left out, never an error. */
export function decodeServerFlight(bytes: Buffer): ServerFlight {
  const { handshake, alert, plaintext } = readRecords(bytes);
  const messages = readMessages(handshake);
  const body = (type: number) => messages.find(message => message.type === type)?.body;
  const serverHello = body(SERVER_HELLO);
  const hello = serverHello === undefined ? undefined : readHello(serverHello, body(SERVER_KEY_EXCHANGE));
  const done = body(SERVER_HELLO_DONE) !== undefined || hello?.version === TLS_1_3;
  return {
    hello,
    certificates: readCertificates(body(CERTIFICATE)),
    alert,
    plaintext,
    complete: done || alert !== undefined || plaintext !== undefined,
  };
}

const SERVER_HELLO = 2;
const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const SERVER_HELLO_DONE = 14;
const TLS_1_3 = 0x0304;

const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
const HEADER = 5;

function readRecords(bytes: Buffer) {
  const handshake: Buffer[] = [];
  let alert: number | undefined;
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at] ?? 0;
    const foreign = bytes.length > at + 1 && bytes[at + 1] !== 3;
    if (type < RECORD.changeCipherSpec || type > RECORD.applicationData || foreign) {
      return { handshake: Buffer.concat(handshake), alert, plaintext: bytes.subarray(at) };
    }
    if (at + HEADER > bytes.length) break;
    const end = at + HEADER + bytes.readUInt16BE(at + 3);
    const content = bytes.subarray(at + HEADER, end);
    if (type === RECORD.handshake) handshake.push(content);
    if (type === RECORD.alert && content.length === 2) alert ??= content[1];
    at = end;
  }
  return { handshake: Buffer.concat(handshake), alert, plaintext: undefined };
}

function readMessages(bytes: Buffer): readonly Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUIntBE(at + 1, 3);
    if (end > bytes.length) break;
    messages.push({ type: bytes[at] ?? 0, body: bytes.subarray(at + 4, end) });
    at = end;
  }
  return messages;
}

/** SHA-256 of `HelloRetryRequest`: the random value that says so (RFC 8446 section 4.1.3). */
const RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';

function readHello(body: Buffer, keyExchange: Buffer | undefined): ServerHello | undefined {
  const session = body[34] ?? 0;
  const after = 35 + session;
  if (body.length < after + 3) return undefined;
  const extensions = readExtensions(body.subarray(after + 5));
  const version = extensions.get(43)?.readUInt16BE(0) ?? body.readUInt16BE(0);
  const share = extensions.get(51);
  const alpn = extensions.get(16);
  return {
    version,
    suite: body.readUInt16BE(after),
    group: share === undefined ? curveOf(keyExchange) : share.readUInt16BE(0),
    retry: body.toString('hex', 2, 34) === RETRY,
    alpn: alpn === undefined ? undefined : alpn.toString('latin1', 3),
  };
}

/** RFC 8422 section 5.4: a named curve. */
function curveOf(keyExchange: Buffer | undefined): number | undefined {
  const named = keyExchange !== undefined && keyExchange.length > 3 && keyExchange[0] === 3;
  return named ? keyExchange.readUInt16BE(1) : undefined;
}

/** Those that are long enough to hold what is read from them. */
function readExtensions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end - at >= 6) extensions.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, end));
    at = end;
  }
  for (const [type, content] of extensions) if (content.length < 2) extensions.delete(type);
  return extensions;
}

/** RFC 5246 section 7.4.2. */
function readCertificates(body: Buffer | undefined): readonly Uint8Array[] {
  const certificates: Uint8Array[] = [];
  for (let at = 3; body !== undefined && at + 3 <= body.length; ) {
    const end = at + 3 + body.readUIntBE(at, 3);
    if (end > body.length) break;
    certificates.push(body.subarray(at + 3, end));
    at = end;
  }
  return certificates;
}
