import { Buffer } from 'node:buffer';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { Stage, type StageOptions } from './stage.ts';

/** How often both sides are listened to, before they are taken to have nothing more to say. */
const ROUNDS = 50;

/**
 * A proxy in front of a server of the same protocol, on one stage: the server takes plaintext, and offers an upgrade of
 * its own. It is a new one at each dial.
 */
export class BehindProxy {
  readonly proxy: Stage;
  /** What each upstream that was dialled has been told. */
  readonly told: string[] = [];
  #upstream: Stage | undefined;
  readonly #protocol: Protocol;
  #heard = '';

  constructor(protocol: Protocol, options: StageOptions = {}) {
    this.#protocol = protocol;
    this.proxy = new Stage(protocol, { badCommands: 1000, ...options, role: 'proxy', application: true });
  }

  start(...tls: Parameters<Stage['start']>): this {
    this.proxy.start(...tls);
    return this.#settle();
  }

  say(...pieces: readonly string[]): this {
    for (const piece of pieces) {
      this.proxy.say(piece);
      this.#settle();
    }
    return this;
  }

  secure(): this {
    this.proxy.secure();
    return this.#settle();
  }

  /** What the client has heard since the last call. */
  heard(): string {
    const heard = this.#heard + this.proxy.heard();
    this.#heard = '';
    return heard;
  }

  /** What the last upstream has got, with what a hand-over gives it. */
  get reached(): string {
    return (this.told.at(-1) ?? '') + Buffer.from(this.proxy.handOver?.unread ?? []).toString('latin1');
  }

  #settle(): this {
    for (let round = 0; round < ROUNDS; round++) {
      if (this.proxy.dials > this.told.length) {
        this.#upstream = new Stage(this.#protocol, { policy: 'optional', badCommands: 1000 }).start();
        this.told.push('');
        this.proxy.connect();
      }
      const words = this.proxy.forwarded();
      if (words !== '') {
        this.told.push((this.told.pop() ?? '') + words);
        this.#upstream?.say(words);
      }
      const answer = this.#upstream?.heard() ?? '';
      if (answer !== '') this.proxy.answer(answer);
      if (words === '' && answer === '') break;
    }
    this.#heard += this.proxy.heard();
    return this;
  }
}
