import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { listen, reportTo } from './control.ts';

/**
 * The server behind the proxies, without TLS: of SMTP as much as they need, and `GIVE n` and `TAKE n`, which send and
 * take n MiB. On a second port a StartupMessage of postgres comes first, and is answered in the same manner.
 */
const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(65_536, 'A');

const smtp = createServer({ noDelay: true }, socket => {
  socket.write('220 bench.example.org ESMTP\r\n');
  new Client(socket);
});
const postgres = createServer({ noDelay: true }, socket => {
  socket.once('data', () => {
    socket.write('250 OK\r\n');
    new Client(socket);
  });
});

class Client {
  readonly #socket: Socket;
  /** Bytes that are to come and are no commands. */
  #taking = 0;
  #rest = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('data', data => this.#receive(data));
  }

  #receive(data: Buffer): void {
    if (this.#taking > 0) {
      this.#taking -= data.length;
      if (this.#taking === 0) this.#socket.write('250 taken\r\n');
      return;
    }
    const lines = (this.#rest + data.toString('latin1')).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#do(line);
  }

  #do(line: string): void {
    const [verb, count] = line.split(' ');
    if (verb === 'TAKE') {
      this.#taking = Number(count) * MIB;
      this.#socket.write('250 go on\r\n');
    } else if (verb === 'GIVE') void give(this.#socket, Number(count));
    else if (verb === 'EHLO') this.#socket.write('250-bench.example.org\r\n250 SIZE\r\n');
    else this.#socket.write('250 2.0.0 OK\r\n');
  }
}

async function give(socket: Socket, count: number): Promise<void> {
  for (let left = (count * MIB) / CHUNK.length; left > 0 && socket.writable; left -= 1) {
    if (!socket.write(CHUNK)) await once(socket, 'drain');
  }
  socket.write('250 given\r\n');
}

const dialogue = await listen(smtp);
/** What nginx asks for each session: where it goes. */
const authHttp = createHttpServer((_request, response) => {
  response
    .writeHead(200, { 'Auth-Status': 'OK', 'Auth-Server': '127.0.0.1', 'Auth-Port': `${dialogue}` })
    .end();
});
reportTo(process, {
  dialogue,
  bulk: dialogue,
  postgres: await listen(postgres),
  authHttp: await listen(authHttp),
});
