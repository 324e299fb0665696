import { suitesOf, TLS_1_3_SUITES } from '../wire/cipher-suites.ts';
import { GROUPS, VERSION } from '../wire/client-offer.ts';
import { type Attempt, attempt } from './attempt.ts';
import type { FirstVisit } from './first-visit.ts';
import { type Answer, modernOffer, offerHello } from './offer-hello.ts';
import type { VersionFacts } from './probe-result.ts';
import type { Subject } from './subject.ts';
import { Visit, type Word } from './visit.ts';

export type VersionName = VersionFacts['version'];

type GroupName = (typeof GROUPS)[number]['name'];

/** The versions of TLS, the oldest first. */
export const versionNames = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

const NUMBERS = {
  SSLv3: VERSION.ssl3,
  TLSv1: VERSION.tls10,
  'TLSv1.1': VERSION.tls11,
  'TLSv1.2': VERSION.tls12,
  'TLSv1.3': VERSION.tls13,
} as const;

/** What the checks of one server share: how far the first connection came, and what has been tried already. */
export class Probing {
  readonly subject: Subject;
  readonly first: FirstVisit;
  readonly #answers = new Map<string, Promise<Answer>>();
  #injected: Promise<Attempt> | undefined;
  #second: Promise<readonly Word[]> | undefined;

  constructor(subject: Subject, first: FirstVisit) {
    this.subject = subject;
    this.first = first;
  }

  /** The last thing that the client says before TLS; empty where TLS comes first. */
  get command(): string {
    return this.#plain[this.commandIndex]?.text ?? '';
  }

  /** Which of the client's writes it is. */
  get commandWrite(): number {
    return this.#plain.filter(({ by }) => by === 'client').length - 1;
  }

  /** All that the server says before the upgrade command. */
  get saidBefore(): string {
    return this.#serverText(this.#plain.slice(0, this.commandIndex));
  }

  get goAhead(): string {
    return this.#serverText(this.#plain.slice(this.commandIndex + 1));
  }

  get saidUnderTls(): string {
    return this.#serverText(this.first.words.filter(({ secure }) => secure));
  }

  /** The capabilities in plaintext; `undefined` where the server gave no list. */
  get before(): readonly string[] | undefined {
    if (this.subject.target.implicit || this.saidBefore === '') return undefined;
    return this.subject.target.protocol.audit?.capabilities?.(this.saidBefore);
  }

  /** The capabilities under TLS. */
  get after(): readonly string[] | undefined {
    if (this.first.reached !== 'answered') return undefined;
    return this.subject.target.protocol.audit?.capabilities?.(this.saidUnderTls);
  }

  /** Whether the server speaks first under TLS, too. */
  get speaksUnderTls(): boolean {
    return this.first.words.find(({ secure }) => secure)?.by === 'server';
  }

  /** The answer to a ClientHello of one version alone, with all its ciphers. */
  version(name: VersionName): Promise<Answer> {
    return this.#once(name, () => {
      const newest = name === 'TLSv1.3';
      const suites = newest ? TLS_1_3_SUITES : suitesOf();
      return offerHello(this.subject, `${name} alone`, { versions: [NUMBERS[name]], suites });
    });
  }

  /** Whether a version is accepted. */
  async accepts(name: VersionName): Promise<boolean> {
    return (await this.version(name)).flight.hello?.version === NUMBERS[name];
  }

  /** The answer to what a client of today says. */
  modern(): Promise<Answer> {
    return this.#once('modern', () =>
      offerHello(this.subject, 'TLS 1.3 and 1.2, with a post-quantum key share', modernOffer()),
    );
  }

  /** The answer to a hello of TLS 1.3 that knows one group alone, and has no key of it yet. */
  group(name: GroupName): Promise<Answer> {
    const groups = GROUPS.filter(group => group.name === name).map(({ id }) => id);
    return this.#once(name, () =>
      offerHello(this.subject, `TLS 1.3 with ${name} alone`, {
        versions: [VERSION.tls13],
        suites: TLS_1_3_SUITES,
        groups,
      }),
    );
  }

  /** What comes of one harmless command behind the upgrade command. */
  injected(words: string): Promise<Attempt> {
    this.#injected ??= attempt(this, { behindCommand: words });
    return this.#injected;
  }

  /** Whether each reply before TLS has come in one piece; on a second connection, too, as a network may cut one. */
  async replies(): Promise<readonly Reply[]> {
    this.#second ??= this.#secondVisit();
    const again = repliesIn(await this.#second);
    return repliesIn(this.#plain).map((reply, at) => {
      const pieces = Math.min(reply.pieces, again[at]?.pieces ?? 1);
      return { ...reply, pieces };
    });
  }

  async #secondVisit(): Promise<readonly Word[]> {
    const visit = await Visit.begin(this.subject);
    try {
      await visit.untilGoAhead();
      return visit.words;
    } finally {
      await visit.end();
    }
  }

  get commandIndex(): number {
    return this.#plain.findLastIndex(({ by }) => by === 'client');
  }

  get #plain(): readonly Word[] {
    return this.first.words.filter(({ secure }) => !secure);
  }

  #once(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const asked = ask();
    asked.catch(() => {}); // whoever asks hears of it
    this.#answers.set(key, asked);
    return asked;
  }

  #serverText(words: readonly Word[]): string {
    return words.map(({ by, text }) => (by === 'server' ? text : '')).join('');
  }
}

/** What a server says between two writes of its client. */
export interface Reply {
  readonly text: string;
  /** Reads that it took. */
  readonly pieces: number;
}

function repliesIn(words: readonly Word[]): readonly Reply[] {
  const replies: Reply[] = [];
  let last: Word['by'] = 'client';
  for (const { by, text } of words) {
    const open = last === 'server' ? replies.pop() : undefined;
    if (by === 'server') replies.push({ text: (open?.text ?? '') + text, pieces: (open?.pieces ?? 0) + 1 });
    else if (open !== undefined) replies.push(open);
    last = by;
  }
  return replies;
}
