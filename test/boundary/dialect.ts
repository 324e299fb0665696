import { Buffer } from 'node:buffer';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { SallyportError } from '../../src/errors.ts';
import { SCENE, Stage } from '../support/stage.ts';
import { atUpgrade, twinTalk } from '../support/twin.ts';
import { GO_AHEAD, GREETING, REFUSAL } from './wrong-connection.ts';

export interface Exchange {
  readonly say: string;
  readonly hear: string;
}

/** What a client and a right server say to each other around the upgrade, byte for byte, as latin1. */
export interface Dialect {
  readonly name: string;
  readonly greeting: string;
  /** Up to the upgrade command. */
  readonly script: readonly Exchange[];
  readonly command: string;
  readonly goAhead: string;
  /** Last words to a client that sends more behind the command. */
  readonly refusal: string;
  /** A harmless command that is answered, in plaintext and under TLS. */
  readonly injected: string;
  /** Words under TLS: what is answered at once, and what more when the client has finished. */
  readonly secure: Exchange & { readonly atEnd: string };
  /** Words in plaintext that a server must forget: said before the script. */
  readonly memorable: Exchange | undefined;
  /** The script and the command once more, under TLS. */
  readonly nested: Exchange | undefined;
}

/** Of a protocol as Sallyport serves it: with an application that echoes in brackets, or without one. */
export function dialectOf(protocol: Protocol, application: boolean): Dialect {
  const { upgradeScript, secureScript } = twinTalk(protocol);
  const options = { application };
  const stage = new Stage(protocol, options).start();
  const greeting = stage.heard();
  const command = upgradeScript.at(-1) ?? '';
  const script = upgradeScript.slice(0, -1).map(say => ({ say, hear: stage.say(say).heard() }));
  stage.say(command).heard();
  const goAhead = textOf(stage.upgrade?.goAhead ?? '');
  const memory = MEMORABLE[protocol.name];
  const said = (memory?.asked ?? UNKNOWN) + secureScript.join('');
  return {
    name: protocol.name,
    greeting,
    script,
    command,
    goAhead,
    refusal: protocol.farewell(new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE'), SCENE) ?? '',
    injected: INJECTED[protocol.name] ?? 'NOOP\r\n',
    secure: application ? bracketed(protocol) : underTls(protocol, said),
    memorable: memory === undefined ? undefined : exchange(new Stage(protocol).start(), memory.said),
    nested: application ? undefined : exchange(atUpgrade(protocol).secure(), upgradeScript.join('')),
  };
}

/** Of the test's own small server. */
export const SMALL: Dialect = {
  name: 'smtp',
  greeting: GREETING,
  script: [
    {
      say: 'EHLO client.example.org\r\n',
      hear: '250-small.example.org\r\n250-STARTTLS\r\n250 PIPELINING\r\n',
    },
  ],
  command: 'STARTTLS\r\n',
  goAhead: GO_AHEAD,
  refusal: REFUSAL,
  injected: 'NOOP\r\n',
  secure: {
    say: 'MAIL FROM:<a@example.org>\r\nEHLO client.example.org\r\n',
    hear: '503 EHLO first\r\n250-small.example.org\r\n250 PIPELINING\r\n',
    atEnd: '',
  },
  memorable: {
    say: 'EHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\n',
    hear: '250-small.example.org\r\n250-STARTTLS\r\n250 PIPELINING\r\n530 STARTTLS first\r\n',
  },
  nested: {
    say: 'EHLO client.example.org\r\nSTARTTLS\r\n',
    hear: '250-small.example.org\r\n250 PIPELINING\r\n503 TLS is on\r\n',
  },
};

const UNKNOWN = 'XYZZY\r\n';

const INJECTED: Readonly<Record<string, string>> = {
  imap: 'evil NOOP\r\n',
  pop3: 'CAPA\r\n',
  http: 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
};

/** What a protocol's server could remember, and what would show it under TLS, before anything else is said. */
const MEMORABLE: Readonly<Record<string, { readonly said: string; readonly asked: string }>> = {
  smtp: {
    said: 'EHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\n',
    asked: 'MAIL FROM:<a@example.org>\r\n',
  },
  pop3: { said: 'USER evil\r\n', asked: 'PASS secret\r\n' },
};

function bracketed(protocol: Protocol) {
  const stage = atUpgrade(protocol, { application: true }).secure();
  const hear = stage.heard();
  return { say: 'token\r\n', hear, atEnd: `[${textOf(stage.handOver?.unread ?? '')}token\r\n]` };
}

function underTls(protocol: Protocol, say: string) {
  const stage = atUpgrade(protocol).secure();
  const hear = stage.say(say).heard();
  return { say, hear, atEnd: stage.waiting ? stage.hangUp().heard() : '' };
}

function exchange(stage: Stage, say: string): Exchange {
  stage.heard();
  return { say, hear: stage.say(say).heard() };
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
}
