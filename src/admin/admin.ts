import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { type Log, silent } from '../log.ts';
import type { DialTarget } from '../net/dial.ts';
import { HttpListener } from '../net/http-listener.ts';
import type { Server } from '../server.ts';
import { version } from '../version.ts';
import { Access } from './access.ts';
import { Figures, type Snapshot, type SnapshotRequest } from './figures.ts';
import { answer, type Told } from './routes.ts';

export interface AdminOptions {
  /** Where to listen. All but the loopback and a Unix socket needs a token. Default 127.0.0.1, port 9464. */
  readonly address?: DialTarget;
  /** What figures are given for, as `Authorization: Bearer …`: 16 to 512 characters. Default: whoever asks. */
  readonly token?: string;
  /** The servers to watch, from when they listen on, as `PROTOCOL:PORT`. Default: none but those of `figures`. */
  readonly servers?: readonly Server[];
  /** Whether new connections are welcome, for `/readyz`. Default: while all of `servers` listen. */
  readonly ready?: () => boolean;
  /** The figures of all processes, where there are several. Default: those of this one. */
  readonly snapshots?: (request: SnapshotRequest) => Promise<readonly Snapshot[]>;
  /** Any pino logger. Default: silence. */
  readonly log?: Log;
}

/** Where an admin listens, and what it wants to be shown there: two of the options. */
export type AdminPlace = Required<Pick<AdminOptions, 'address'>> & Pick<AdminOptions, 'token'>;

/** A change that is ready: one of the two, and it is done or was never there. */
export interface AdminChange {
  commit(): Promise<void>;
  cancel(): Promise<void>;
}

/** Of the numbers that Prometheus keeps for exporters, the one that OpenTelemetry took for any of them. */
export const adminDefaults = { address: { host: '127.0.0.1', port: 9464 } } as const;

/** Tells of servers over HTTP: `/metrics`, `/healthz`, `/readyz`, and a page at `/`. */
export class Admin {
  /** What is told: watch more servers here, or fewer. */
  readonly figures: Figures = new Figures();
  readonly #told: Omit<Told, 'access'>;
  readonly #log: Log;
  #seat: Seat;
  readonly #names = new Map<Server, string>();

  constructor(options: AdminOptions) {
    const { address = adminDefaults.address, servers = [], log = silent } = options;
    this.#told = {
      version: version(),
      ready: options.ready ?? (() => servers.every(server => server.address !== undefined)),
      snapshots: options.snapshots ?? (async request => [await this.figures.snapshot(request)]),
    };
    this.#log = log;
    this.#seat = this.#seatAt(address, new Access(address, options.token));
    for (const server of servers) this.watch(server);
  }

  /** Where it listens; `undefined` while it does not. */
  get address(): AddressInfo | undefined {
    return this.#seat.listener.address;
  }

  /** Resolves with the address. Rejects with ERR_LISTEN. */
  listen(): Promise<AddressInfo> {
    return this.#seat.listener.listen(this.#seat.address);
  }

  /** Stops at once, and watches nothing any more. */
  async close(): Promise<void> {
    this.figures.stop();
    await this.#seat.listener.close();
  }

  /** Watches one server more, from when it listens on; one that speaks another protocol than before begins anew. */
  watch(server: Server): void {
    if (server.address === undefined) {
      server.once('listening', () => this.watch(server));
      return;
    }
    const before = this.#names.get(server);
    if (before?.startsWith(`${server.protocol.name}:`)) return;
    if (before !== undefined) void this.figures.unwatch(before);
    const name = this.#nameFor(server);
    this.#names.set(server, name);
    this.figures.watch(name, server);
  }

  /** Watches a server no more, and forgets what was counted of it. */
  async unwatch(server: Server): Promise<void> {
    const name = this.#names.get(server);
    this.#names.delete(server);
    if (name !== undefined) await this.figures.unwatch(name);
  }

  /**
   * Listens elsewhere too, or makes ready to ask for another token. What is counted goes on; the old place is given up
   * when the change is committed. Rejects with ERR_LISTEN and ERR_OPTION, and all is as before then.
   */
  async prepare({ address, token }: AdminPlace): Promise<AdminChange> {
    const access = new Access(address, token);
    const before = this.#seat;
    if (isDeepStrictEqual(address, before.address)) {
      const commit = async () => {
        before.access = access;
      };
      return { commit, cancel: async () => undefined };
    }
    const seat = this.#seatAt(address, access);
    await seat.listener.listen(address);
    const commit = async () => {
      this.#seat = seat;
      await before.listener.close();
    };
    return { commit, cancel: () => seat.listener.close() };
  }

  #seatAt(address: DialTarget, access: Access): Seat {
    const listener = new HttpListener(
      request => answer(request, { ...this.#told, access: seat.access }),
      error => this.#log.error({ err: error }, 'admin failed'),
    );
    const seat: Seat = { address, access, listener };
    return seat;
  }

  /** By protocol and port; by the whole address where that is taken, as by one that is draining, then by a number. */
  #nameFor({ protocol: { name }, address }: Server): string {
    const { address: host = '', port = 0 } = address ?? {};
    const whole = port === 0 ? `${name}:${host}` : `${name}:${host}:${port}`;
    const names = port === 0 ? [whole] : [`${name}:${port}`, whole];
    for (let more = 2; ; more += 1) {
      const free = names.find(each => !this.figures.watches(each));
      if (free !== undefined) return free;
      names.push(`${whole} (${more})`);
    }
  }
}

/** A place where it listens, and who may read there. */
interface Seat {
  readonly address: DialTarget;
  access: Access;
  readonly listener: HttpListener;
}

/** Makes what tells of servers. It listens when it is told to. Throws ERR_OPTION. */
export function createAdmin(options: AdminOptions = {}): Admin {
  return new Admin(options);
}

/** The same, and it listens. Rejects with ERR_OPTION and ERR_LISTEN. */
export async function startAdmin(options: AdminOptions = {}): Promise<Admin> {
  const admin = createAdmin(options);
  await admin.listen();
  return admin;
}
