import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A Redis that knows what a client asks at its beginning, and counts one for each script. */
export class LittleRedis {
  counted = 0;
  /** What was counted, in turn. */
  readonly keys: string[] = [];
  silent = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer(socket => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.setEncoding('latin1').on('data', text => this.#answer(socket, String(text)));
    });
  }

  static async start(): Promise<LittleRedis> {
    const redis = new LittleRedis();
    redis.#server.listen(0, '127.0.0.1');
    await once(redis.#server, 'listening');
    return redis;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async stop(): Promise<void> {
    this.hangUp();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(socket: Socket, text: string): void {
    if (this.silent) return;
    // Each command is an array of strings; its name is the first.
    for (const [, name = ''] of text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
      if (/^eval/i.test(name)) {
        this.counted += 1;
        this.keys.push(/\r\n(sallyport:[^\r]*)/.exec(text)?.[1] ?? '');
        socket.write('*2\r\n:1\r\n:60000\r\n');
      } else socket.write(/^info$/i.test(name) ? '$17\r\nredis_version:7.0\r\n' : '+OK\r\n');
    }
  }
}
