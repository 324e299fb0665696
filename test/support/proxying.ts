import { once } from 'node:events';
import * as net from 'node:net';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { createProxy, type ProxyOptions } from '../../src/proxy.ts';
import { testCertificates } from './certificates.ts';
import { type Serving, started } from './serving.ts';

/** A server without TLS, as a test needs it. */
export interface PlainUpstream {
  readonly port: number;
  /** Connections that came, in order; they may be over. */
  readonly sockets: net.Socket[];
  /** Resolves with the connection of this index, when it has come. */
  socket(index: number): Promise<net.Socket>;
  stop(): void;
}

const running = new Set<PlainUpstream>();

/** Listens on a free port of the loopback, and takes each connection to `serve`. */
export async function plainUpstream(serve: (socket: net.Socket) => void): Promise<PlainUpstream> {
  const sockets: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    socket.on('error', () => socket.destroy());
    sockets.push(socket);
    serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as net.AddressInfo; // of a TCP server
  const upstream: PlainUpstream = {
    port,
    sockets,
    async socket(index) {
      for (;;) {
        const socket = sockets[index];
        if (socket !== undefined) return socket;
        await once(server, 'connection');
      }
    },
    stop() {
      running.delete(upstream);
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  running.add(upstream);
  return upstream;
}

export function stopUpstreams(): void {
  for (const upstream of running) upstream.stop();
}

/** A proxy on a free port of the loopback, before the upstream on `port`. */
export async function proxying(
  protocol: Protocol,
  port: number,
  options: Partial<ProxyOptions> = {},
): Promise<Serving> {
  const { server: certificate } = await testCertificates();
  const to = { host: '127.0.0.1', port };
  return started(createProxy({ protocol, certificate, hostname: 'mail.example.org', to, ...options }));
}

/** Answers as a mail server without TLS does, as far as a hello, NOOP and QUIT go; DATA goes on for ever. */
export function plainMail(socket: net.Socket): void {
  socket.write('220 upstream.example.org ESMTP\r\n');
  let rest = '';
  socket.on('data', data => {
    const lines = (rest + data.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (/^EHLO /.test(line)) socket.write('250-upstream.example.org\r\n250-STARTTLS\r\n250 SIZE 1000\r\n');
      else if (/^QUIT$/.test(line)) socket.end('221 upstream bye\r\n');
      else socket.write(`250 upstream heard ${line}\r\n`);
    }
  });
  socket.on('end', () => socket.end());
}
