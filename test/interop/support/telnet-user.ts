import type { WireClient } from '../../support/wire-client.ts';

/** All that a server has said in a session. */
export interface TelnetSession {
  /** What the terminal gets, latin1. */
  readonly text: string;
  /** What is said about options, one word after the other, in hexadecimal. */
  readonly options: readonly string[];
}

/**
 * Plays a user at a terminal of 100 columns and 40 rows: answers each word about options, types a line when its prompt is
 * there, and leaves at the last prompt. Rejects when the server closes before, or says nothing for long.
 */
export async function useTelnet(
  client: WireClient,
  lines: readonly (readonly [prompt: string, line: string])[],
  lastPrompt: string,
): Promise<TelnetSession> {
  const begin = client.heard.length;
  let [read, answered, shown, typed] = [begin, 0, 0, 0];
  while (await client.hears(() => client.heard.length > read)) {
    read = client.heard.length;
    const { text, options } = parse(client.heard.slice(begin));
    for (const word of options.slice(answered)) client.say(answerTo(word));
    answered = options.length;
    const [prompt = lastPrompt, line] = lines[typed] ?? [];
    const at = text.indexOf(prompt, shown);
    if (at < 0) continue;
    if (line === undefined) {
      client.destroy();
      return { text, options: options.map(word => Buffer.from(word, 'latin1').toString('hex')) };
    }
    client.say(`${line}\r\n`);
    [shown, typed] = [at + prompt.length, typed + 1];
  }
  throw new Error(`nothing more came: ${JSON.stringify(parse(client.heard.slice(begin)).text)}`);
}

/** IAC and what belongs to it (RFC 854, RFC 855); the beginning of a word is none yet, and no text either. */
const WORD = /\xff(?:\xfa(?:[^\xff]|\xff\xff)*\xff\xf0|[\xfb-\xfe][\s\S]|[\xf0-\xf9]|$|[\xfa-\xff])/g;

function parse(said: string): { readonly text: string; readonly options: readonly string[] } {
  const words = said.match(WORD) ?? [];
  const options = words.filter(word => word.length > 2);
  return { text: said.replace(WORD, word => (word === '\xff\xff' ? '\xff' : '')), options };
}

const TERMINAL_TYPE = '\x18';
const WINDOW_SIZE = '\x1f';

/** The server may echo, and go ahead; the terminal tells its type and its size. All else is refused. */
function answerTo(word: string): string {
  const [, command = '', option = ''] = word;
  if (command === '\xfa') return option === TERMINAL_TYPE ? '\xff\xfa\x18\x00VT100\xff\xf0' : '';
  if (command === '\xfb') return `\xff${'\x01\x03'.includes(option) ? '\xfd' : '\xfe'}${option}`;
  if (command !== '\xfd') return '';
  const size = option === WINDOW_SIZE ? '\xff\xfa\x1f\x00\x64\x00\x28\xff\xf0' : '';
  return option === TERMINAL_TYPE || size !== '' ? `\xff\xfb${option}${size}` : `\xff\xfc${option}`;
}
