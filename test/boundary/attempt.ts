import { Buffer } from 'node:buffer';
import { setTimeout as pause } from 'node:timers/promises';
import { WireClient } from '../support/wire-client.ts';
import { askWithoutReading } from './backpressure.ts';
import type { Finding } from './checks/check.ts';
import { delay } from './delay.ts';
import { bytesOf, HELLO, type Injection } from './injection.ts';
import type { Target } from './target.ts';
import { TlsEngine } from './tls-engine.ts';

/** How one injection ended. */
export interface Outcome {
  /**
   * `refused`: an error reply in plaintext, then the end. `closed`: ended without a word. `passed`: TLS came
   * up, and what was said under it is what is always said. The others are faults.
   */
  readonly kind: 'refused' | 'closed' | 'passed' | 'vulnerable' | 'hang';
  readonly evidence: string;
}

/** How long a case may take beyond the handshake's deadline, in milliseconds. */
const MARGIN = 2500;

/** By so many bytes, words are known: `220 ` is not `421 `. */
const BEGINNING = 4;

/** Makes one attack on an upgrade, in the segments it asks for, and judges all that came back. */
export async function attempt(target: Target, injection: Injection): Promise<Outcome> {
  const attack = new Attack(target, injection);
  try {
    return await attack.run();
  } finally {
    attack.end();
  }
}

/** What is to be told of an outcome; nothing where it is as it must be. */
export function findingOf({ title }: Injection, { kind, evidence }: Outcome): Finding | undefined {
  if (kind !== 'vulnerable' && kind !== 'hang') return undefined;
  return { status: kind, text: `${title}: ${evidence}` };
}

class Attack {
  readonly #target: Target;
  readonly #injection: Injection;
  readonly #engine = new TlsEngine();
  #until: number;
  #wire: WireClient | undefined;
  /** Where in what was heard the answer to the upgrade command begins. */
  #answerAt = 0;

  constructor(target: Target, injection: Injection) {
    this.#target = target;
    this.#injection = injection;
    this.#until = this.#deadline();
  }

  async run(): Promise<Outcome> {
    const { goAhead } = this.#target.dialect;
    const wire = await WireClient.connect(this.#target.port);
    this.#wire = wire;
    const helloSent = await this.#sayPlaintext(wire);
    if (helloSent === undefined)
      return { kind: 'vulnerable', evidence: `not served: heard ${shown(wire.heard)}` };
    await wire.hears(() => this.#answer(wire).length >= goAhead.length, this.#left);
    if (!this.#answer(wire).startsWith(goAhead)) return this.#judgePlaintext(wire);
    await this.#shakeHands(wire, helloSent);
    return this.#judgeUnderTls(wire);
  }

  end(): void {
    this.#wire?.destroy();
    this.#engine.destroy();
  }

  #deadline(): number {
    return performance.now() + this.#target.handshakeTimeout + MARGIN;
  }

  get #left(): number {
    return Math.max(1, this.#until - performance.now());
  }

  /** What came behind the replies to all that leads up to the command. */
  #answer(wire: WireClient): string {
    return wire.heard.slice(this.#answerAt);
  }

  /**
   * Says all that is to be said before the go-ahead; tells whether that held the ClientHello. `undefined` when
   * the server does not even serve: a refusal then is worth nothing.
   */
  async #sayPlaintext(wire: WireClient): Promise<boolean | undefined> {
    const { greeting, script, command } = this.#target.dialect;
    const { pipelined = false, behindReplies = false, cuts = [], amid } = this.#injection;
    if (!(await this.#hear(wire, greeting))) return undefined;
    for (const { say, hear } of pipelined ? [] : script) {
      wire.say(say);
      if (!(await this.#hear(wire, hear))) return undefined;
    }
    const again = script.at(-1);
    if (behindReplies && again !== undefined) {
      this.#answerAt += await askWithoutReading(wire, again);
      this.#until = this.#deadline(); // the time that we took for it is not the server's
    }
    const before = pipelined ? script.map(({ say }) => say).join('') + command : command;
    if (pipelined) this.#answerAt += script.reduce((sum, { hear }) => sum + hear.length, 0);
    const content = amid === undefined ? this.#injection.content(this.#target.dialect) : [];
    const all = Buffer.concat([
      Buffer.from(before, 'latin1'),
      bytesOf(content, content.includes(HELLO) ? await this.#engine.hello : Buffer.alloc(0)),
    ]);
    let from = 0;
    for (const { at, after } of cuts) {
      wire.say(all.subarray(from, before.length + at));
      from = before.length + at;
      await delay(after);
    }
    wire.say(all.subarray(from));
    wire.socket.resume();
    return content.includes(HELLO);
  }

  /** By length and how it begins: words may hold a time or a challenge. */
  async #hear(wire: WireClient, words: string): Promise<boolean> {
    const from = this.#answerAt;
    this.#answerAt += words.length;
    const come = await wire.hears(() => wire.heard.length >= this.#answerAt, this.#left);
    return come && wire.heard.startsWith(words.slice(0, BEGINNING), from);
  }

  /** Does the handshake, disturbed where that is the attack, and says under TLS what is always said. */
  async #shakeHands(wire: WireClient, helloSent: boolean): Promise<void> {
    const engine = this.#engine;
    const { goAhead, secure } = this.#target.dialect;
    const hello = await engine.hello;
    const disturb = this.#disturbance();
    engine.connect(flight => {
      if (this.#injection.amid === 'before Finished') wire.say(disturb.splice(0).join(''));
      wire.say(flight);
    });
    if (!helloSent) sayHello(wire, hello, this.#injection.amid, disturb);
    let fed = this.#answerAt + goAhead.length;
    const feed = () => {
      engine.receive(Buffer.from(wire.heard.slice(fed), 'latin1'));
      fed = wire.heard.length;
    };
    if (wire.heard.length > fed) feed();
    wire.socket.on('data', feed);
    wire.socket.on('end', () => engine.receiveEnd());
    wire.socket.on('close', () => engine.receiveEnd());
    engine.sayAll(secure.say);
    await Promise.race([engine.over, pause(this.#left, undefined, { ref: false })]);
    // The server's own end counts, not that of our engine, which may have given up first.
    await wire.hears(() => engine.ended, this.#left);
  }

  /** What is injected after the go-ahead; taken out once. */
  #disturbance(): string[] {
    const { amid, content } = this.#injection;
    if (amid === undefined) return [];
    return content(this.#target.dialect).filter(part => typeof part === 'string');
  }

  #judgePlaintext(wire: WireClient): Promise<Outcome> {
    return this.#whenEnded(wire, () => {
      const answer = this.#answer(wire);
      if (answer === '') return { kind: 'closed', evidence: 'closed without a word' };
      const refused = answer === this.#target.dialect.refusal;
      return { kind: refused ? 'refused' : 'vulnerable', evidence: `heard ${shown(answer)} in plaintext` };
    });
  }

  #judgeUnderTls(wire: WireClient): Promise<Outcome> {
    const { goAhead, secure } = this.#target.dialect;
    const plain = plaintextIn(this.#answer(wire).slice(goAhead.length));
    if (plain !== undefined) {
      const evidence = `heard ${shown(plain)} in plaintext after the go-ahead`;
      return Promise.resolve({ kind: 'vulnerable', evidence });
    }
    const { heard, ended } = this.#engine;
    const expected = secure.hear + secure.atEnd;
    if (heard === expected && ended) return Promise.resolve({ kind: 'passed', evidence: 'TLS as always' });
    return this.#whenEnded(wire, () => {
      if (heard === '' || heard === expected) return { kind: 'closed', evidence: 'the handshake failed' };
      return { kind: 'vulnerable', evidence: `heard ${shown(heard)} under TLS, not ${shown(expected)}` };
    });
  }

  async #whenEnded(wire: WireClient, judge: () => Outcome): Promise<Outcome> {
    await wire.hears(() => false, this.#left);
    const outcome = judge();
    if (wire.ended || wire.closed || outcome.kind === 'vulnerable') return outcome;
    return { kind: 'hang', evidence: `still open after its deadline; ${outcome.evidence}` };
  }
}

function sayHello(wire: WireClient, hello: Buffer, amid: Injection['amid'], disturb: string[]): void {
  const half = hello.length >> 1;
  if (amid === 'before the hello') wire.say(disturb.splice(0).join('')).say(hello);
  else if (amid === 'inside the hello') {
    wire.say(hello.subarray(0, half)).say(disturb.splice(0).join('')).say(hello.subarray(half));
  } else wire.say(hello);
}

/** The content types of TLS records (RFC 8446 section 5.1). */
const FIRST_TYPE = 20;
const LAST_TYPE = 23;
const HEADER = 5;

/** What among the given bytes is no TLS record, as latin1. */
function plaintextIn(bytes: string): string | undefined {
  for (let at = 0; at < bytes.length; ) {
    const type = bytes.charCodeAt(at);
    if (type < FIRST_TYPE || type > LAST_TYPE) return bytes.slice(at);
    if (at + HEADER > bytes.length) return undefined;
    at += HEADER + bytes.charCodeAt(at + 3) * 256 + bytes.charCodeAt(at + 4);
  }
  return undefined;
}

function shown(words: string): string {
  const text = words.length > 80 ? `${words.slice(0, 80)}…` : words;
  return JSON.stringify(text);
}
