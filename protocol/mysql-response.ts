import { SallyportError } from '../src/errors.ts';
import { capability, integer } from './mysql-packet.ts';

/**
 * What a client may count on whichever upstream there is. None of these changes what a packet looks like after the
 * login, so it does no harm where the upstream lacks one; compression, OK in place of EOF, session tracking and query
 * attributes would, and are not offered.
 */
export const PROXIED =
  capability.longPassword |
  capability.foundRows |
  capability.longFlag |
  capability.connectWithDatabase |
  capability.noSchema |
  capability.odbc |
  capability.localFiles |
  capability.ignoreSpace |
  capability.protocol41 |
  capability.interactive |
  capability.transactions |
  capability.secureConnection |
  capability.multiStatements |
  capability.multiResults |
  capability.preparedMultiResults |
  capability.pluginAuth |
  capability.connectAttributes |
  capability.lengthEncodedAuth |
  capability.expiredPasswords;

/** Without these a login cannot be carried from one side to the other. */
export const NEEDED = capability.protocol41 | capability.secureConnection | capability.pluginAuth;

/** No account has such a plugin: so the upstream must say which one it wants, and with which challenge. */
const NO_PLUGIN = 'sallyport';

/** Capabilities, size of a packet, character set. */
const START = 9;
const FILLER = 23;

/**
 * A client's HandshakeResponse41 as the upstream is to get it: without the answer to our challenge, and with no
 * capability that the upstream or we have not offered. It is then for the upstream to ask anew, by an
 * AuthSwitchRequest. Throws ERR_BAD_SYNTAX where it is cut off.
 */
export function responseFor(
  payload: Uint8Array,
  { theirs, tls }: { readonly theirs: number; readonly tls: boolean },
): string {
  const reader = new Reader(payload);
  const said = reader.capabilities();
  const start = reader.text(START).slice(4);
  reader.text(FILLER);
  const user = reader.terminated();
  reader.authentication(said);
  const database = (said & capability.connectWithDatabase) !== 0 ? reader.terminated() : '';
  if ((said & capability.pluginAuth) !== 0) reader.terminated();
  // What we have named as MySQL's, MariaDB must not take for its own: it would look for more in the filler.
  const kept = (said & PROXIED & theirs) | capability.longPassword;
  const withDatabase = database === '' ? kept & ~capability.connectWithDatabase : kept;
  const attributes = (kept & capability.connectAttributes) === 0 ? '' : reader.rest();
  const capabilities = tls ? withDatabase | capability.ssl : withDatabase;
  const named = database === '' ? '' : `${database}\0`;
  return `${integer(capabilities, 4)}${start}${'\0'.repeat(FILLER)}${user}\0\0${named}${NO_PLUGIN}\0${attributes}`;
}

/** Reads the parts of a packet, one behind the other, as latin1. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  capabilities(): number {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, 4).getUint32(0, true);
  }

  text(length: number): string {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new SallyportError('ERR_BAD_SYNTAX', 'handshake is cut off');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return latin1(part);
  }

  /** Up to a NUL; the last part of a packet may lack it, as some clients' do. */
  terminated(): string {
    const found = this.#bytes.indexOf(0, this.#at);
    const text = this.text((found < 0 ? this.#bytes.length : found) - this.#at);
    if (found >= 0) this.#at += 1;
    return text;
  }

  /** Skips the answer to a challenge, which has its length in front of it, in one of two ways, or a NUL behind it. */
  authentication(capabilities: number): void {
    if ((capabilities & (capability.lengthEncodedAuth | capability.secureConnection)) === 0) {
      this.terminated();
      return;
    }
    const first = this.text(1).charCodeAt(0);
    if (first < 0xfb || (capabilities & capability.lengthEncodedAuth) === 0) this.text(first);
    else if (first === 0xfc) {
      const length = this.text(2);
      this.text(length.charCodeAt(0) + length.charCodeAt(1) * 0x100);
    } else throw new SallyportError('ERR_BAD_SYNTAX', 'length of an answer');
  }

  rest(): string {
    return this.text(this.#bytes.length - this.#at);
  }
}

/** In pieces, as a call takes no more than so many arguments. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
