import type { DialTarget } from './dial.ts';

/** One of the servers behind a proxy. */
export type UpstreamAddress = DialTarget & {
  /**
   * For the clients that ask for this name (SNI), `*.example.org` for all right below it. Default: for those who ask
   * for a name of no other upstream, or for none.
   */
  readonly servername?: string;
};

/** How long an upstream that failed is left out, in milliseconds. */
const OUT_FOR = 10_000;

/** Chooses among upstreams: by name, in turn, and those first that did not fail a moment ago. */
export class UpstreamChoice {
  readonly #addresses: readonly UpstreamAddress[];
  readonly #now: () => number;
  readonly #outUntil = new Map<UpstreamAddress, number>();
  #turn = 0;

  constructor(addresses: readonly UpstreamAddress[], now: () => number = () => performance.now()) {
    this.#addresses = addresses;
    this.#now = now;
  }

  /** Whether names matter at all. */
  get byName(): boolean {
    return this.#addresses.some(({ servername }) => servername !== undefined);
  }

  /** Those for a name, in the order in which they are to be tried; those that are out come last. */
  inTurn(name: string | undefined): readonly UpstreamAddress[] {
    const all = this.#for(name?.toLowerCase());
    const first = this.#turn % Math.max(1, all.length);
    this.#turn += 1;
    const turned = [...all.slice(first), ...all.slice(0, first)];
    const now = this.#now();
    const isOut = (address: UpstreamAddress) => (this.#outUntil.get(address) ?? 0) > now;
    return [...turned.filter(address => !isOut(address)), ...turned.filter(isOut)];
  }

  failed(address: UpstreamAddress): void {
    this.#outUntil.set(address, this.#now() + OUT_FOR);
  }

  succeeded(address: UpstreamAddress): void {
    this.#outUntil.delete(address);
  }

  #for(name: string | undefined): readonly UpstreamAddress[] {
    if (name !== undefined) {
      const wildcard = name.replace(/^[^.]+/, '*');
      for (const wanted of [name, wildcard]) {
        const own = this.#addresses.filter(({ servername }) => servername?.toLowerCase() === wanted);
        if (own.length > 0) return own;
      }
    }
    return this.#addresses.filter(({ servername }) => servername === undefined);
  }
}
