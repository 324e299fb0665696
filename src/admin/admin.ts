import type { AddressInfo } from 'node:net';
import { type Log, silent } from '../log.ts';
import type { DialTarget } from '../net/dial.ts';
import { HttpListener } from '../net/http-listener.ts';
import type { Server } from '../server.ts';
import { version } from '../version.ts';
import { Access } from './access.ts';
import { Figures, type Snapshot, type SnapshotRequest } from './figures.ts';
import { answer } from './routes.ts';

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

/** Of the numbers that Prometheus keeps for exporters, the one that OpenTelemetry took for any of them. */
export const adminDefaults = { address: { host: '127.0.0.1', port: 9464 } } as const;

/** Tells of servers over HTTP: `/metrics`, `/healthz`, `/readyz`, and a page at `/`. */
export class Admin {
  /** What is told: watch more servers here, or fewer. */
  readonly figures: Figures = new Figures();
  readonly #address: DialTarget;
  readonly #listener: HttpListener;

  constructor(options: AdminOptions) {
    const { address = adminDefaults.address, servers = [], log = silent } = options;
    const told = {
      access: new Access(address, options.token),
      version: version(),
      ready: options.ready ?? (() => servers.every(server => server.address !== undefined)),
      snapshots: options.snapshots ?? (async request => [await this.figures.snapshot(request)]),
    };
    this.#address = address;
    this.#listener = new HttpListener(
      request => answer(request, told),
      error => log.error({ err: error }, 'admin failed'),
    );
    for (const server of servers) this.#watch(server);
  }

  /** Where it listens; `undefined` while it does not. */
  get address(): AddressInfo | undefined {
    return this.#listener.address;
  }

  /** Resolves with the address. Rejects with ERR_LISTEN. */
  listen(): Promise<AddressInfo> {
    return this.#listener.listen(this.#address);
  }

  /** Stops at once, and watches nothing any more. */
  async close(): Promise<void> {
    this.figures.stop();
    await this.#listener.close();
  }

  #watch(server: Server): void {
    if (server.address === undefined) server.once('listening', () => this.#watch(server));
    else this.figures.watch(this.#nameFor(server), server);
  }

  /** By protocol and port; by the whole address where that is taken. */
  #nameFor({ protocol: { name }, address }: Server): string {
    const { address: host = '', port = 0 } = address ?? {};
    if (port === 0) return `${name}:${host}`;
    return this.figures.watches(`${name}:${port}`) ? `${name}:${host}:${port}` : `${name}:${port}`;
  }
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
