import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import * as tls from 'node:tls';
import type { WireClient } from './wire-client.ts';

/** The client's end of a data connection that is agreed on. */
export interface Leg {
  readonly port: number;
  /** The connection, made by either. */
  raw(): Promise<net.Socket>;
}

/** A client that says what a test tells it to, and knows how data connections are made. */
export class FtpClient {
  readonly wire: WireClient;
  readonly resumed: boolean[] = [];
  readonly #host: string;
  #session: Buffer | undefined;
  readonly #sockets: net.Socket[] = [];

  constructor(wire: WireClient, host: string) {
    this.wire = wire;
    this.#host = host;
  }

  /** Under TLS, logged in, with data protected. */
  async protect(options: tls.ConnectionOptions = {}): Promise<this> {
    await this.wire.until(/220 .*\r\n/);
    this.wire.say('AUTH TLS\r\n');
    await this.wire.until(/234 .*\r\n/);
    const secure = await this.wire.startTls(options);
    secure.on('session', session => {
      this.#session = session;
    });
    for (const line of ['USER tester', 'PBSZ 0', 'PROT P']) {
      this.wire.say(`${line}\r\n`);
      await this.wire.until(/200 .*\r\n/);
    }
    return this;
  }

  async leg(mode: 'passive' | 'active'): Promise<Leg> {
    if (mode === 'passive') {
      this.wire.say('EPSV\r\n');
      const port = Number(/\|\|\|(\d+)\|/.exec(await this.wire.until(/229 .*\r\n/))?.[1]);
      const raw = async () => {
        const socket = this.#keep(net.connect(port, this.#host));
        await once(socket, 'connect');
        return socket;
      };
      return { port, raw };
    }
    const server = net.createServer({ pauseOnConnect: true });
    await once(server.listen(0, this.#host), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a TCP server
    this.wire.say(`EPRT |${this.#host.includes(':') ? 2 : 1}|${this.#host}|${port}|\r\n`);
    await this.wire.until(/200 EPRT done\r\n/);
    const came = once(server, 'connection');
    const raw = async () => {
      const [socket] = await came;
      server.close();
      return this.#keep(socket);
    };
    return { port, raw };
  }

  /** The client of TLS on a data connection. */
  secure(socket: Duplex, { resuming = true } = {}): tls.TLSSocket {
    const session = resuming ? this.#session : undefined;
    const secure = tls.connect({
      socket,
      rejectUnauthorized: false,
      ALPNProtocols: ['ftp'],
      ...(session === undefined ? {} : { session }),
    });
    secure.once('secureConnect', () => this.resumed.push(secure.isSessionReused()));
    return this.#keep(secure);
  }

  async store(name: string, data: Buffer, mode: 'passive' | 'active'): Promise<string> {
    const leg = await this.leg(mode);
    this.wire.say(`STOR ${name}\r\n`);
    const secure = this.secure(await leg.raw());
    // Node's TLS would end without close_notify before that.
    await once(secure, 'secureConnect');
    await setImmediate();
    secure.end(data);
    return this.wire.until(/(?:226|4\d\d) .*\r\n/);
  }

  async retrieve(name: string, mode: 'passive' | 'active'): Promise<Buffer> {
    const leg = await this.leg(mode);
    this.wire.say(`RETR ${name}\r\n`);
    const secure = this.secure(await leg.raw());
    const chunks: Buffer[] = [];
    secure.on('data', chunk => chunks.push(chunk));
    await once(secure, 'end');
    await this.wire.until(/226 .*\r\n/);
    return Buffer.concat(chunks);
  }

  close(): void {
    this.wire.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep<S extends net.Socket>(socket: S): S {
    this.#sockets.push(socket);
    // What is left when a test is over may be reset.
    socket.on('error', () => socket.destroy());
    return socket;
  }
}
