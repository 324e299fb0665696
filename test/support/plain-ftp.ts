import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import * as net from 'node:net';

/** A file server without TLS that knows the passive mode only; its files are in memory. */
export interface PlainFtp {
  readonly port: number;
  readonly files: Map<string, Buffer>;
  /** What it was told on all control connections. */
  readonly commands: string[];
  /** Uploads that a reset has cut off. */
  readonly broken: string[];
  /** Data connections that came. */
  readonly legs: net.Socket[];
  /** Resets all its connections, as when its process is killed with something unread. */
  kill(): void;
  stop(): void;
}

const running = new Set<PlainFtp>();

export async function plainFtp(host = '127.0.0.1'): Promise<PlainFtp> {
  const server = net.createServer({ noDelay: true });
  const sockets = new Set<net.Socket>();
  await once(server.listen(0, host), 'listening');
  const ftp: PlainFtp = {
    port: portOf(server),
    files: new Map(),
    commands: [],
    broken: [],
    legs: [],
    kill() {
      for (const socket of [...sockets, ...ftp.legs]) socket.resetAndDestroy();
    },
    stop() {
      running.delete(ftp);
      server.close();
      for (const socket of [...sockets, ...ftp.legs]) socket.destroy();
    },
  };
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    new Control(socket, host, ftp).start();
  });
  running.add(ftp);
  return ftp;
}

export function stopPlainFtp(): void {
  for (const ftp of running) ftp.stop();
}

class Control {
  readonly #socket: net.Socket;
  readonly #host: string;
  readonly #ftp: PlainFtp;
  #port: net.Server | undefined;
  /** One command after the other, as servers do it. */
  #done: Promise<void> = Promise.resolve();

  constructor(socket: net.Socket, host: string, ftp: PlainFtp) {
    this.#socket = socket;
    this.#host = host;
    this.#ftp = ftp;
  }

  start(): void {
    this.#say('220 plain');
    let rest = '';
    this.#socket.on('data', data => {
      const lines = (rest + data.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        this.#ftp.commands.push(line);
        this.#done = this.#done.then(() => this.#execute(line));
      }
    });
    this.#socket.on('close', () => this.#port?.close());
  }

  #say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  async #execute(line: string): Promise<void> {
    const [verb = '', name = ''] = line.split(' ');
    if (verb === 'PASV' || verb === 'EPSV') await this.#listen(verb);
    else if (verb === 'RETR') await this.#retrieve(name);
    else if (verb === 'STOR') await this.#store(name);
    else if (verb === 'ABOR') this.#say('225 nothing left to abort');
    else if (verb === 'STAT') this.#say('211 busy');
    else if (verb === 'FEAT') this.#say('211-Features\r\n AUTH TLS\r\n REST STREAM\r\n211 End');
    else if (verb === 'QUIT') this.#socket.end('221 bye\r\n');
    else this.#say(`200 ${verb}`);
  }

  async #listen(verb: string): Promise<void> {
    this.#port?.close();
    this.#port = net.createServer();
    await once(this.#port.listen(0, this.#host), 'listening');
    const port = portOf(this.#port);
    // The address is a lie, as it is behind NAT.
    const numbers = ['192,0,2,9', port >> 8, port & 255].join(',');
    this.#say(verb === 'PASV' ? `227 Entering Passive Mode (${numbers})` : `229 Entering (|||${port}|)`);
  }

  async #connected(): Promise<net.Socket> {
    const port = this.#port ?? net.createServer();
    const [leg] = await once(port, 'connection');
    port.close();
    this.#ftp.legs.push(leg);
    return leg;
  }

  async #retrieve(name: string): Promise<void> {
    const file = this.#ftp.files.get(name);
    if (file === undefined) {
      this.#say('550 no such file');
      return;
    }
    const leg = await this.#connected();
    this.#say('150 here it comes');
    leg.on('error', () => undefined);
    leg.end(file);
    leg.resume();
    this.#say((await closed(leg)) ? '426 cut off' : '226 sent');
  }

  async #store(name: string): Promise<void> {
    const leg = await this.#connected();
    this.#say('150 send it');
    const chunks: Buffer[] = [];
    leg.on('data', chunk => chunks.push(chunk));
    leg.on('error', () => undefined);
    if (await closed(leg)) this.#ftp.broken.push(name);
    else this.#ftp.files.set(name, Buffer.concat(chunks));
    // As servers do that look no closer.
    this.#say('226 stored');
  }
}

/** Tells whether it was by an error. */
function closed(socket: net.Socket): Promise<boolean> {
  return new Promise(resolve => {
    socket.once('close', resolve);
  });
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port; // of a TCP server
}
