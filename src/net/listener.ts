import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { SallyportError } from '../errors.ts';
import { added, type Census, censusOf, NO_TRAFFIC, type Traffic } from './census.ts';
import { Driver } from './driver.ts';
import type { Gate } from './gate.ts';
import { connectionFailure } from './handshake-failure.ts';
import { takeDescriptor } from './passed-descriptor.ts';
import { ProxyNetworks, readPreamble } from './proxy-preamble.ts';
import type { Service } from './service.ts';
import { removeStaleSocket } from './stale-socket.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 lets the system choose. Needed without a path. */
  readonly port?: number;
  /** A Unix socket, in place of an address and a port. */
  readonly path?: string;
  /** The descriptor of a socket that listens already, in place of an address and a port. */
  readonly fd?: number;
  /** The name of a socket that was passed to this process, in their place: `systemd:NAME` or `fd:NUMBER`. */
  readonly passed?: string;
}

/** Connections above the limit that are still told why; beyond these they are dropped without a word. */
const TURNED_AWAY_AT_ONCE = 32;

/** What a listener tells, besides what its service hears of each connection. */
export interface ListenerReport {
  /** The listening socket failed after it was up. */
  failed(error: SallyportError): void;
  /** Connections were dropped unheard: no descriptor or no room was left. */
  dropped(): void;
}

/** Accepts connections within the limits, gives each to a driver, and lets them end in order. */
export class Listener {
  #service: Service;
  readonly #report: ListenerReport;
  #gate: Gate;
  readonly #drivers = new Set<Driver>();
  readonly #turnedAway = new Set<Driver>();
  /** Their PROXY header has not come yet: nobody knows whose they are. */
  readonly #unidentified = new Set<Driver>();
  #proxies: ProxyNetworks;
  readonly #server: Server;
  readonly #nextId: () => string;
  /** Of the connections that are over. */
  #past: Traffic = NO_TRAFFIC;

  constructor(service: Service, gate: Gate, report: ListenerReport, nextId: () => string) {
    this.#service = this.#own(service);
    this.#report = report;
    this.#proxies = new ProxyNetworks(service.options.proxyFrom);
    this.#nextId = nextId;
    this.#gate = gate;
    // Without noDelay p99 of an upgrade is 45 ms instead of 4 (Nagle against delayed ACK).
    this.#server = createServer({ noDelay: true }, socket => this.#accept(socket));
    this.#server.on('drop', () => report.dropped());
    this.#limit(service);
  }

  /** Puts another service in force, its networks and its gate, for the connections that are accepted from now on. */
  replace(service: Service, proxies: ProxyNetworks, gate = this.#gate): void {
    this.#gate = gate;
    this.#proxies = proxies;
    this.#service = this.#own(service);
    this.#limit(service);
  }

  /** Connections that hold a place. */
  get connections(): number {
    return this.#drivers.size;
  }

  /** What is open now, and what has crossed it. */
  census(): Census {
    return censusOf(this.#drivers, this.#past);
  }

  get address(): AddressInfo | undefined {
    // That of a Unix socket is still there when it is closed.
    if (!this.#server.listening) return undefined;
    const address = this.#server.address();
    if (typeof address === 'string') return { address, family: 'Unix', port: 0 };
    return address ?? undefined;
  }

  /** Rejects with ERR_LISTEN, the address and the system's reason. A Unix socket that nobody serves any more gives way. */
  async listen({ host = '127.0.0.1', port, path, passed, ...given }: ListenOptions): Promise<AddressInfo> {
    const fd = passed === undefined ? given.fd : takeDescriptor(passed);
    if ([port, path, fd].filter(given => given !== undefined).length !== 1) {
      throw new SallyportError('ERR_OPTION', 'listen needs a port, or a path');
    }
    const where = fd === undefined ? (path ?? `${host} port ${port}`) : (passed ?? `descriptor ${fd}`);
    const what = fd === undefined ? (path === undefined ? { host, port } : { path }) : { fd };
    if (path !== undefined) await removeStaleSocket(path);
    return new Promise((resolve, reject) => {
      const refused = (cause: Error) => {
        const code = 'code' in cause ? String(cause.code) : cause.message;
        reject(new SallyportError('ERR_LISTEN', `${where}: ${code}`, { cause }));
      };
      this.#server.once('error', refused);
      this.#server.listen(what, () => {
        this.#server.off('error', refused);
        this.#server.on('error', cause =>
          this.#report.failed(new SallyportError('ERR_LISTEN', cause.message, { cause })),
        );
        resolve(this.address as AddressInfo); // it listens
      });
    });
  }

  /**
   * Stops accepting, says the farewell in dialogues, lets handshakes and sessions end, and destroys what is
   * left after `within` ms.
   */
  close(within: number): Promise<void> {
    return new Promise(resolve => {
      const deadline = setTimeout(() => {
        for (const driver of [...this.#drivers, ...this.#turnedAway, ...this.#unidentified])
          driver.destroy(new SallyportError('ERR_SHUTTING_DOWN'));
      }, within);
      this.#server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
      for (const driver of this.#drivers) driver.drain();
    });
  }

  #own(service: Service): Service {
    return {
      ...service,
      ended: (driver, end) => {
        this.#forget(driver);
        this.#past = added(this.#past, driver.traffic);
        service.ended(driver, end);
      },
    };
  }

  #limit({ options: { maxConnections } }: Service): void {
    this.#server.maxConnections =
      maxConnections > 0 ? maxConnections + TURNED_AWAY_AT_ONCE : Number.MAX_SAFE_INTEGER;
  }

  #accept(socket: Socket): void {
    const driver = new Driver(this.#nextId(), socket, this.#service, this.#gate);
    if (!this.#proxies.has(socket)) {
      this.#admit(driver);
      return;
    }
    this.#unidentified.add(driver);
    readPreamble(socket, this.#service.options.proxyTimeout).then(
      header => {
        this.#unidentified.delete(driver);
        driver.identify(header);
        if (socket.destroyed) return;
        this.#admit(driver);
      },
      error => driver.destroy(connectionFailure(error)),
    );
  }

  #admit(driver: Driver): void {
    const refusal = driver.gate.admit(driver.remote.address);
    if (refusal !== undefined) {
      this.#turnedAway.add(driver);
      driver.turnAway(refusal);
      return;
    }
    this.#drivers.add(driver);
    const asked = driver.gate.connect(driver.remote.address);
    if (asked === undefined) driver.start();
    else void asked.then(tooMany => this.#decide(driver, tooMany));
  }

  /** What comes meanwhile stays in the socket. */
  #decide(driver: Driver, tooMany: SallyportError | undefined): void {
    // Closed meanwhile, by the client or by us.
    if (!driver.waits) return;
    if (tooMany === undefined) {
      driver.start();
      return;
    }
    this.#drivers.delete(driver);
    driver.gate.release(driver.remote.address);
    this.#turnedAway.add(driver);
    driver.turnAway(tooMany);
  }

  #forget(driver: Driver): void {
    if (this.#drivers.delete(driver)) driver.gate.release(driver.remote.address);
    this.#turnedAway.delete(driver);
    this.#unidentified.delete(driver);
  }
}
