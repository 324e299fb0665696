import { once } from 'node:events';
import * as net from 'node:net';

/** Ports to listen on for data connections, both ends included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface DataPortOptions {
  /** Our address, as the client has reached it. */
  readonly address: string;
  /** Default: any port that is free. */
  readonly ports: PortRange | undefined;
  /** The only address that may connect. */
  readonly client: string;
}

/** A port that waits for one connection, of one client. */
export class DataPort {
  readonly #server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  readonly #client: string;

  private constructor(client: string, came: (socket: net.Socket) => void) {
    this.#client = client;
    this.#server.on('connection', socket => {
      socket.on('error', () => socket.destroy());
      if (plainAddress(socket.remoteAddress) !== this.#client || !this.#server.listening) {
        socket.resetAndDestroy();
        return;
      }
      this.close();
      came(socket);
    });
  }

  /** Listens; `came` gets the connection. Resolves with `undefined` where no port of the range is free. */
  static async open(
    { address, ports, client }: DataPortOptions,
    came: (socket: net.Socket) => void,
  ): Promise<DataPort | undefined> {
    const port = new DataPort(client, came);
    for (const each of candidates(ports)) if (await port.#listen(address, each)) return port;
    return undefined;
  }

  get number(): number {
    return (this.#server.address() as net.AddressInfo | null)?.port ?? 0; // of a TCP server
  }

  close(): void {
    if (this.#server.listening) this.#server.close();
  }

  async #listen(host: string, port: number): Promise<boolean> {
    // One is served; the few more are strangers who are turned away.
    this.#server.listen({ host, port, backlog: 8, exclusive: true });
    try {
      await once(this.#server, 'listening');
      // What fails in accepting is one connection, and the client's to notice.
      this.#server.on('error', () => undefined);
      return true;
    } catch {
      return false;
    }
  }
}

/** The address of a socket, an IPv4 address that is mapped into IPv6 as IPv4. */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? '';
}

/** All ports of the range, from a place that nobody can tell beforehand. */
function* candidates(ports: PortRange | undefined): Generator<number, void> {
  if (ports === undefined) {
    yield 0;
    return;
  }
  const count = ports.to - ports.from + 1;
  const first = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step++) yield ports.from + ((first + step) % count);
}
