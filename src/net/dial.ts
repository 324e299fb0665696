import { lookup } from 'node:dns/promises';
import * as net from 'node:net';
import { SallyportError } from '../errors.ts';

/** Where a server listens: a TCP port of a name or address, or a Unix socket. */
export type DialTarget = { readonly host: string; readonly port: number } | { readonly path: string };

/** Where a server listens, or by which name the socket for it was passed. */
export type ListenPlace = DialTarget | { readonly passed: string };

export interface DialOptions {
  /** To look the name up and to connect, in milliseconds. */
  readonly timeout: number;
}

/** How long one address is tried alone before the next one is tried beside it (RFC 8305 section 5). */
const ATTEMPT_DELAY = 250;

/**
 * Connects to a server. All addresses of a name are tried, the two families in turn, and the first that answers
 * wins. The socket has `noDelay` and `allowHalfOpen`, and reads nothing yet.
 *
 * Rejects with ERR_CONNECT or ERR_CONNECT_TIMEOUT, which name the target and what the system said; no socket is
 * left open then.
 */
export async function dial(target: DialTarget, { timeout }: DialOptions): Promise<net.Socket> {
  const attempts = new Attempts();
  const late = setTimeout(() => attempts.giveUp(), timeout);
  try {
    if ('path' in target) return await attempts.first([{ path: target.path }]);
    const { host, port } = target;
    const addresses = await Promise.race([addressesOf(host), attempts.over]);
    return await attempts.first(addresses.map(address => ({ host: address, port })));
  } catch (error) {
    if (attempts.late) throw new SallyportError('ERR_CONNECT_TIMEOUT', targetName(target));
    const reason = reasonOf(error);
    throw new SallyportError('ERR_CONNECT', `${targetName(target)}: ${reason}`, { cause: error });
  } finally {
    clearTimeout(late);
    attempts.stop();
  }
}

/** A target as errors and reports name it: `host:port`, an IPv6 address in brackets, or a path. */
export function targetName(target: DialTarget): string {
  if ('path' in target) return target.path;
  return `${net.isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
}

/** The same of where a server listens, which may be a socket that was passed to it. */
export function placeName(place: ListenPlace): string {
  return 'passed' in place ? place.passed : targetName(place);
}

/** The addresses of a name, in the system's order of preference, the two families in turn. */
async function addressesOf(host: string): Promise<readonly string[]> {
  const all = await lookup(host, { all: true, verbatim: true });
  const [preferred] = all;
  const first = all.filter(({ family }) => family === preferred?.family);
  const second = all.filter(({ family }) => family !== preferred?.family);
  const inTurn = first.flatMap((address, index) => [address, ...second.slice(index, index + 1)]);
  return [...inTurn, ...second.slice(first.length)].map(({ address }) => address);
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ');
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

/** Connections to one target that are under way. */
class Attempts {
  readonly #sockets = new Set<net.Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Rejects when time is up. */
  readonly over: Promise<never>;
  late = false;
  #end: (error: Error) => void = () => {};

  constructor() {
    this.over = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.over.catch(() => {}); // nobody need wait for it
  }

  giveUp(): void {
    this.late = true;
    this.#end(new Error('time is up'));
  }

  /** Destroys all that did not win. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The first that is connected; rejects when all have failed. */
  async first(addresses: readonly net.NetConnectOpts[]): Promise<net.Socket> {
    const tries = addresses.map(() => deferred());
    const begin = (index: number): void => {
      const address = addresses[index];
      const attempt = tries[index];
      if (address === undefined || attempt === undefined || attempt.begun) return;
      attempt.begun = true;
      const next = setTimeout(() => begin(index + 1), ATTEMPT_DELAY);
      this.#timers.add(next);
      attempt.promise.catch(() => begin(index + 1));
      this.#connect(address).then(attempt.resolve, attempt.reject);
    };
    begin(0);
    const winner = await Promise.race([Promise.any(tries.map(({ promise }) => promise)), this.over]);
    this.#sockets.delete(winner);
    return winner;
  }

  #connect(address: net.NetConnectOpts): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ ...address, noDelay: true, allowHalfOpen: true });
      this.#sockets.add(socket);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        // Until its new owner listens, a reset must not end the process.
        socket.on('error', () => socket.destroy());
        resolve(socket);
      });
    });
  }
}

interface Deferred {
  begun: boolean;
  readonly promise: Promise<net.Socket>;
  readonly resolve: (socket: net.Socket) => void;
  readonly reject: (error: Error) => void;
}

function deferred(): Deferred {
  let resolve: Deferred['resolve'] = () => {};
  let reject: Deferred['reject'] = () => {};
  const promise = new Promise<net.Socket>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  promise.catch(() => {}); // Promise.any reports it
  return { begun: false, promise, resolve, reject };
}
