import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { type ErrorCode, errorTable } from '../../src/errors.ts';
import { transcriptsOf } from '../support/transcript.ts';
import { twinTalk } from '../support/twin.ts';
import { EVENTS, type Happening, type Input } from './input.ts';
import type { Role } from './play.ts';
import type { Random } from './random.ts';

/** What a protocol's inputs are made of. */
export interface Grammar {
  /** Whole conversations, to begin with. */
  readonly conversations: readonly Input[];
  /** What a peer says at once, and what an upstream does. */
  readonly said: readonly string[];
  readonly answered: readonly string[];
  /** Words, and what may stand between them. */
  readonly tokens: readonly string[];
  /** The words of our own that are no echo of somebody's. */
  readonly vocabulary: ReadonlySet<string>;
}

/** What ends, quotes, counts or begins something in one protocol or another, and numbers at the edges of their types. */
const EDGES = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    '"',
    "'",
    '\\',
    '(',
    ')',
    '<',
    '>',
    '/',
    '=',
    ':',
    ';',
    ',',
    '.',
    '-',
  ],
  ...[
    '{9}\r\n',
    '{9+}\r\n',
    '{99999999999}\r\n',
    '\r\n.\r\n',
    '<!--',
    ']]>',
    '&amp;',
    '<?xml?>',
    '\xef\xbb\xbf',
  ],
  ...['\xff', '\xff\xff', '\xff\xfa', '\xff\xf0', '\xff\xfb\x2e', '\xff\xfa\x2e\x01\xff\xf0', '\xc0', '\x80'],
  ...[
    '\0\0\0\x08\x04\xd2\x16\x2f',
    '\0\0\0\x08',
    '\x7f\xff\xff\xff',
    '\0\0\0\0',
    '\x30\x80',
    '\x30\x84\xff\xff\xff\xff',
  ],
  ...['\x16\x03\x01', '\x16\x03\x01\x02\0\x01', '\x80\x2e\x01', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'],
  ...[
    'GET / HTTP/1.1\r\n',
    'Upgrade: TLS/1.2\r\n',
    'Content-Length: 99999999999999999999\r\n',
    '\r\n\r\n',
    '\r\n 0',
  ],
  ...[
    '-1',
    '0',
    '4294967295',
    '18446744073709551616',
    '1e9',
    'NaN',
    '__proto__',
    'constructor',
    'é',
    '\u00a0',
  ],
];

export function grammarOf(protocol: Protocol, role: Role): Grammar {
  const { upgradeScript, secureScript, upgradeReplies } = twinTalk(protocol);
  const conversations = [
    ...transcribed(protocol, role),
    ...rehearsed(upgradeScript, secureScript, upgradeReplies, role),
  ];
  const said = wordsOf(conversations, 'said');
  const answered = wordsOf(conversations, 'answered');
  const foreign = protocols.filter(({ name }) => name !== protocol.name).flatMap(twinScript);
  const words = [...said, ...answered].flatMap(text => text.split(/(?<=[\s"'<>=()])|(?=[\s"'<>=()])/));
  return {
    conversations,
    said: [...said, ...foreign],
    answered: answered.length > 0 ? answered : upgradeReplies,
    tokens: [...new Set([...words, ...EDGES])],
    vocabulary: new Set([...SENTENCES.split(' '), ...vocabularyOf(protocol, upgradeReplies)]),
  };
}

/** The words in which it is told what a machine did. */
const SENTENCES = 'in plaintext, under TLS, says forwards hands over upgrades closes: ok';

/** Something that may happen, chosen by chance. */
export function anyHappening({ said, answered }: Grammar, role: Role, random: Random): Happening {
  const dice = random.below(10);
  if (dice < 2) return { kind: 'event', event: random.oneOf([...EVENTS, ...ERRORS]) };
  if (dice < 5 && role === 'proxy') return { kind: 'answered', text: random.oneOf(answered) };
  return { kind: 'said', text: random.oneOf(said) };
}

/** What can come from outside at any time. */
const ERRORS = (Object.keys(errorTable) as ErrorCode[]).filter(code =>
  /TIMEOUT|SHUTTING|TOO_MANY|UPSTREAM/.test(code),
);

function transcribed(protocol: Protocol, role: Role): Input[] {
  if (role === 'probe') return [];
  return transcriptsOf(protocol.name)
    .filter(({ options }) => role === 'proxy' || options.role !== 'proxy')
    .map(({ steps }) =>
      steps.flatMap(({ kind, text }): Happening[] => {
        if (kind === 'client') return [{ kind: 'said', text }];
        if (kind === 'fromUpstream') return [{ kind: 'answered', text }];
        if (kind !== 'mark') return [];
        if (text === 'TLS') return [{ kind: 'event', event: 'TLS' }];
        if (text === 'upstream closes') return [{ kind: 'event', event: 'upstream ended' }];
        if (text === 'dial, greeted') return [{ kind: 'event', event: 'connected, greeted' }];
        return text === 'dial' ? [{ kind: 'event', event: 'connected' }] : [];
      }),
    );
}

function rehearsed(
  upgradeScript: readonly string[],
  secureScript: readonly string[],
  upgradeReplies: readonly string[],
  role: Role,
): Input[] {
  const before = role === 'probe' ? upgradeReplies : upgradeScript;
  const words = (texts: readonly string[]): Input =>
    texts.filter(text => text !== '').map(text => ({ kind: 'said', text }));
  const tls: Input = [{ kind: 'event', event: 'TLS' }];
  return [
    [...words(before), ...tls, ...words(role === 'probe' ? [] : secureScript)],
    [...tls, ...words(before)],
  ];
}

function vocabularyOf(protocol: Protocol, replies: readonly string[]): string[] {
  const steps = transcriptsOf(protocol.name).flatMap(({ steps }) => steps);
  const lines = steps
    .filter(({ kind }) => kind === 'server' || kind === 'toUpstream')
    .map(({ text }) => text);
  return [...lines, ...replies].flatMap(text => text.split(/\s+/)).filter(word => word.length > 1);
}

function twinScript(protocol: Protocol): readonly string[] {
  return twinTalk(protocol).upgradeScript.filter(text => text !== '');
}

function wordsOf(conversations: readonly Input[], kind: 'said' | 'answered'): string[] {
  const texts = conversations.flatMap(input =>
    input.flatMap(each => (each.kind !== 'event' && each.kind === kind ? [each.text] : [])),
  );
  return [...new Set(texts)];
}
