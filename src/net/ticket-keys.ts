import { Buffer } from 'node:buffer';
import { hkdfSync, randomBytes } from 'node:crypto';
import { SallyportError } from '../errors.ts';
import type { TicketKey, TicketKeyRing, TicketKeySource } from '../options.ts';

export interface TicketKeysOptions {
  /**
   * At least 32 random bytes that several machines share: each derives the same keys from it and the time, and takes
   * the tickets of all the others. Default: none, and the keys are this process's own.
   */
  readonly secret?: Uint8Array;
  /** How long a key seals new tickets, in milliseconds, at least one minute. Default 24 h. */
  readonly rotate?: number;
  /** What `share` gave in another process of this machine. Default: keys of its own. */
  readonly shared?: string;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly clock?: () => number;
}

const DAY = 86_400_000;
const SHORTEST = 60_000;
const SECRET_BYTES = 32;

/**
 * The keys that seal session tickets. Time is cut into periods; each has a key of its own, and a ticket of the period
 * before is still opened. Keys of this process's own are forgotten after that, and cannot be found again from what is
 * kept; those of a secret can, by whoever has the secret.
 */
export class TicketKeys implements TicketKeySource {
  readonly #rotate: number;
  readonly #clock: () => number;
  readonly #seeds: Seeds;
  readonly #rings = new Map<string, { readonly period: number; readonly keys: TicketKeyRing }>();

  /** Throws ERR_OPTION. */
  constructor(options: TicketKeysOptions = {}) {
    const shared = options.shared === undefined ? undefined : readShared(options.shared);
    const secret = shared?.secret ?? options.secret;
    this.#clock = options.clock ?? Date.now;
    this.#rotate = shared?.rotate ?? options.rotate ?? DAY;
    if (!Number.isInteger(this.#rotate) || this.#rotate < SHORTEST) {
      throw new SallyportError('ERR_OPTION', `rotate must be a whole number from ${SHORTEST}`);
    }
    if (secret !== undefined && secret.length < SECRET_BYTES) {
      throw new SallyportError('ERR_OPTION', `the secret of ticket keys needs ${SECRET_BYTES} bytes or more`);
    }
    const begun = { period: this.#period(), seed: randomBytes(SECRET_BYTES), previous: undefined };
    this.#seeds = secret === undefined ? new SeedChain(shared?.chain ?? begun) : new SecretSeeds(secret);
  }

  /** The keys for one purpose now: the first seals, all open. Keys for one purpose open nothing of another. */
  for(purpose: string): TicketKeyRing {
    const period = this.#period();
    const ring = this.#rings.get(purpose);
    if (ring?.period === period) return ring.keys;
    const [current, ...others] = this.#seeds.at(period);
    const keys: TicketKeyRing = [keyOf(current, purpose), ...others.map(seed => keyOf(seed, purpose))];
    this.#rings.set(purpose, { period, keys });
    return keys;
  }

  /** For the option `shared` in another process of this machine. Whoever reads it can open every ticket. */
  share(): string {
    this.#seeds.at(this.#period());
    return JSON.stringify({ rotate: this.#rotate, ...this.#seeds.kept });
  }

  #period(): number {
    return Math.floor(this.#clock() / this.#rotate);
  }
}

type SeedRing = readonly [Uint8Array, ...Uint8Array[]];

interface Seeds {
  /** That of a period, and those of the periods beside it whose tickets are taken. */
  at(period: number): SeedRing;
  /** What another process needs to come to the same; plain data. */
  readonly kept: object;
}

/** Made of a secret and the number of the period. Whose clock is ahead of ours seals with the next one already. */
class SecretSeeds implements Seeds {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  get kept() {
    return { secret: base64(this.#secret) };
  }

  at(now: number): SeedRing {
    return [this.#seed(now), this.#seed(now - 1), this.#seed(now + 1)];
  }

  #seed(period: number): Uint8Array {
    return derived(this.#secret, `ticket seed ${period}`, SECRET_BYTES);
  }
}

interface Chain {
  readonly period: number;
  readonly seed: Uint8Array;
  /** That of the period before. */
  readonly previous: Uint8Array | undefined;
}

/** Each seed is derived from the one before it, which is forgotten a period later: nobody can go back. */
class SeedChain implements Seeds {
  #chain: Chain;

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  get kept() {
    const { period, seed, previous } = this.#chain;
    return { chain: { period, seed: base64(seed), previous: previous && base64(previous) } };
  }

  at(now: number): SeedRing {
    // A clock that is set back changes nothing.
    while (this.#chain.period < now) {
      const { period, seed, previous } = this.#chain;
      previous?.fill(0);
      const next = derived(seed, 'next ticket seed', SECRET_BYTES);
      this.#chain = { period: period + 1, seed: next, previous: seed };
    }
    const { seed, previous } = this.#chain;
    return previous === undefined ? [seed] : [seed, previous];
  }
}

const PART = 16;

function keyOf(seed: Uint8Array, purpose: string): TicketKey {
  const bytes = derived(seed, `ticket key ${purpose}`, 3 * PART);
  const [name, hmac, aes] = [0, 1, 2].map(part => bytes.subarray(part * PART, (part + 1) * PART));
  return { name, hmac, aes } as TicketKey; // three parts
}

/** HKDF, RFC 5869. */
function derived(secret: Uint8Array, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `sallyport ${info}`, length));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

interface Shared {
  readonly rotate: number;
  readonly secret?: string;
  readonly chain?: { readonly period: number; readonly seed: string; readonly previous?: string };
}

function readShared(text: string) {
  const { rotate, secret, chain }: Shared = JSON.parse(text);
  const bytes = (part: string | undefined) => (part === undefined ? undefined : Buffer.from(part, 'base64'));
  const seed = bytes(chain?.seed);
  return {
    rotate,
    secret: bytes(secret),
    chain: chain && seed && { period: chain.period, seed, previous: bytes(chain.previous) },
  };
}
