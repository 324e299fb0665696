import { SallyportError } from '../errors.ts';

/** Counts the connections, in all and for each address, against their limits; 0 is no limit. */
export class Admission {
  readonly #limit: number;
  readonly #perAddress: number;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly maxConnections: number; readonly maxPerAddress: number }) {
    this.#limit = limits.maxConnections;
    this.#perAddress = limits.maxPerAddress;
  }

  /** Connections admitted and not released. */
  get total(): number {
    return this.#total;
  }

  /** Counts one more; or says why not, and counts nothing. */
  admit(address: string): SallyportError | undefined {
    if (this.#limit > 0 && this.#total >= this.#limit) return new SallyportError('ERR_TOO_MANY_CONNECTIONS');
    const key = addressKey(address);
    const count = this.#counts.get(key) ?? 0;
    // A Unix socket has no address: those behind it cannot be told apart.
    if (this.#perAddress > 0 && key !== '' && count >= this.#perAddress)
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
