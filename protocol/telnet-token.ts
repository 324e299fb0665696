import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';

/** A part of a Telnet stream (RFC 854): a byte of text, or a command with what belongs to it. */
export type Token =
  | { readonly kind: 'text'; readonly raw: string }
  | { readonly kind: 'option'; readonly raw: string; readonly verb: Verb; readonly option: number }
  | {
      readonly kind: 'parameters';
      readonly raw: string;
      readonly option: number;
      /** Without the option, and with IAC once. */
      readonly text: string;
    }
  | { readonly kind: 'command'; readonly raw: string };

export type Verb = 'WILL' | 'WONT' | 'DO' | 'DONT';

const VERBS: Readonly<Record<string, Verb>> = {
  '\xfb': 'WILL',
  '\xfc': 'WONT',
  '\xfd': 'DO',
  '\xfe': 'DONT',
};

const IAC = '\xff';
const SB = '\xfa';
const SE = '\xf0';

/** Bytes of a subnegotiation; those of START_TLS have one, and we know no other. */
const PARAMETERS_LIMIT = 512;

/** Reads what comes next. Throws ERR_BAD_SYNTAX for a subnegotiation that is malformed or does not end. */
export function* readToken(peer: Peer): Step<Token> {
  const first = yield* readByte(peer);
  if (first !== IAC) return { kind: 'text', raw: first };
  const command = yield* readByte(peer);
  if (command === IAC) return { kind: 'text', raw: IAC + IAC };
  if (command === SB) return yield* readParameters(peer);
  const verb = VERBS[command];
  if (verb === undefined) return { kind: 'command', raw: IAC + command };
  const option = yield* readByte(peer);
  return { kind: 'option', raw: IAC + command + option, verb, option: option.charCodeAt(0) };
}

/** What stands between IAC SB and IAC SE (RFC 855). */
function* readParameters(peer: Peer): Step<Token> {
  const option = yield* readByte(peer);
  let text = '';
  let raw = IAC + SB + option;
  if (option === IAC) throw new SallyportError('ERR_BAD_SYNTAX', 'subnegotiation of nothing');
  while (raw.length < PARAMETERS_LIMIT) {
    const byte = yield* readByte(peer);
    const escaped = byte === IAC ? yield* readByte(peer) : '';
    raw += byte + escaped;
    if (escaped === SE) return { kind: 'parameters', raw, option: option.charCodeAt(0), text };
    if (escaped !== '' && escaped !== IAC)
      throw new SallyportError('ERR_BAD_SYNTAX', 'command in parameters');
    text += byte;
  }
  throw new SallyportError('ERR_BAD_SYNTAX', 'subnegotiation without end');
}

function* readByte(peer: Peer): Step<string> {
  const [byte = 0] = yield* peer.bytes(1);
  return String.fromCharCode(byte);
}

const BYTES: Readonly<Record<Verb, string>> = { WILL: '\xfb', WONT: '\xfc', DO: '\xfd', DONT: '\xfe' };

/** Writes a word about an option. */
export function encodeOption(verb: Verb, option: number): string {
  return IAC + BYTES[verb] + String.fromCharCode(option);
}

/** Writes a subnegotiation; the parameters must hold no IAC. */
export function encodeParameters(option: number, text: string): string {
  return IAC + SB + String.fromCharCode(option) + text + IAC + SE;
}
