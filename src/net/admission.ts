import { SallyportError } from '../errors.ts';
import { defaults } from '../options.ts';
import type { Gate, Verdict } from './gate.ts';
import { Networks } from './networks.ts';
import { inMemory, type RateLimit, type RateStore } from './rate-limit.ts';

/** How many, at once and a minute; 0 is no limit. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  /** At once, from one address. Default 100. */
  readonly maxPerAddress?: number;
  /** From one address. Default 0. */
  readonly connectionsPerMinute?: number;
  /** Upgrades begun, and TLS from the first byte, from one address. Default 0. */
  readonly handshakesPerMinute?: number;
  /** Addresses and networks for which the limits of one address do not hold. Default none. */
  readonly trusted?: readonly string[];
}

/** A limit over time, by its number. */
interface Rate {
  readonly perMinute: number;
  readonly limit: RateLimit | undefined;
}

const NO_RATE: Rate = { perMinute: 0, limit: undefined };

/**
 * Holds connections to their limits: in all and for each address, at once and over time. Those at once are counted
 * here; those over time in `rates`, which several processes may share. Throws ERR_OPTION for a bad network.
 */
export class Admission implements Gate {
  readonly #rates: RateStore;
  #limit = 0;
  #perAddress = 0;
  #trusted = new Networks([], 'trusted');
  #connections: Rate = NO_RATE;
  #handshakes: Rate = NO_RATE;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(limits: AdmissionLimits, rates: RateStore = inMemory) {
    this.#rates = rates;
    this.limit(limits);
  }

  /**
   * Puts other limits in force; who has been admitted stays, and a limit over time that is the same goes on counting.
   * Throws ERR_OPTION for a bad network, and changes nothing then.
   */
  limit(limits: AdmissionLimits): void {
    const { maxConnections, maxPerAddress, connectionsPerMinute, handshakesPerMinute, trusted } = {
      ...defaults,
      ...limits,
    };
    this.#trusted = new Networks(trusted, 'trusted');
    this.#limit = maxConnections;
    this.#perAddress = maxPerAddress;
    this.#connections = this.#rate('connections', connectionsPerMinute, this.#connections);
    this.#handshakes = this.#rate('handshakes', handshakesPerMinute, this.#handshakes);
  }

  #rate(name: 'connections' | 'handshakes', perMinute: number, before: Rate): Rate {
    if (before.perMinute === perMinute) return before;
    return perMinute > 0 ? { perMinute, limit: this.#rates.limit(name, perMinute) } : NO_RATE;
  }

  /** Connections admitted and not released. */
  get total(): number {
    return this.#total;
  }

  /** Counts one more at once; or says why not, and counts nothing. */
  admit(address: string): SallyportError | undefined {
    if (this.#limit > 0 && this.#total >= this.#limit) return new SallyportError('ERR_TOO_MANY_CONNECTIONS');
    const key = addressKey(address);
    const count = this.#counts.get(key) ?? 0;
    if (this.#perAddress > 0 && count >= this.#perAddress && this.#isLimited(address))
      return new SallyportError('ERR_TOO_MANY_FROM_ADDRESS');
    this.#counts.set(key, count + 1);
    this.#total += 1;
    return undefined;
  }

  release(address: string): void {
    const key = addressKey(address);
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
    this.#total -= 1;
  }

  /** Counts one more connection over time. */
  connect(address: string): Verdict {
    return this.#take(this.#connections.limit, address, 'ERR_CONNECTION_RATE');
  }

  /** Counts one more handshake over time, before it begins. */
  secure(address: string): Verdict {
    return this.#take(this.#handshakes.limit, address, 'ERR_HANDSHAKE_RATE');
  }

  #take(
    limit: RateLimit | undefined,
    address: string,
    code: 'ERR_CONNECTION_RATE' | 'ERR_HANDSHAKE_RATE',
  ): Verdict {
    if (limit === undefined || !this.#isLimited(address)) return undefined;
    return limit.take(addressKey(address)).then(within => (within ? undefined : new SallyportError(code)));
  }

  /** A Unix socket has no address: those behind it cannot be told apart. */
  #isLimited(address: string): boolean {
    return address !== '' && !this.#trusted.has(address);
  }
}

/**
 * Who counts as one: an IPv4 address, also when mapped into IPv6, or an IPv6 /64, which is what one
 * subscriber gets (RFC 6177); by single addresses the limit would be none.
 */
export function addressKey(address: string): string {
  // The system wrote it, so a colon tells; `isIPv6` is a regular expression that costs 2 % of a plain connection.
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array(Math.max(0, 8 - left.length - right.length)).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
