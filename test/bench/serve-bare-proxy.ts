import { connect, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { backendOfEnvironment } from './backend.ts';
import { certificateOfEnvironment } from './certificate.ts';
import { listen, reportTo } from './control.ts';

/**
 * The bare proxy: the least that upgrades and passes the rest through, with the pipes of Node. It knows each message by
 * heart and looks at none. Not fit for use: it is the floor.
 */
const context = createSecureContext({ ...certificateOfEnvironment(), minVersion: 'TLSv1.2' });
const backend = backendOfEnvironment();

const GREETING = '220 bench.example.org ESMTP ready\r\n';
const HELLO = '250-bench.example.org\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n';

const smtp = createServer({ noDelay: true }, async raw => {
  raw.on('error', () => raw.destroy());
  raw.write(GREETING);
  await heard(raw);
  raw.write(HELLO);
  await heard(raw);
  const secure = upgrade(raw, '220 2.0.0 Ready to start TLS\r\n');
  const upstream = connect({ host: '127.0.0.1', port: backend.dialogue, noDelay: true });
  // Its greeting, which the client has had.
  upstream.once('data', () => join(secure, upstream));
  upstream.on('error', () => secure.destroy());
});
const postgres = createServer({ noDelay: true }, async raw => {
  raw.on('error', () => raw.destroy());
  await heard(raw);
  const secure = upgrade(raw, 'S');
  const upstream = connect({ host: '127.0.0.1', port: backend.postgres, noDelay: true });
  upstream.on('error', () => secure.destroy());
  join(secure, upstream);
});
const dialogue = await listen(smtp);
reportTo(process, { dialogue, bulk: dialogue, postgres: await listen(postgres) });

function heard(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.once('data', () => resolve());
  });
}

function upgrade(raw: Socket, goAhead: string): TLSSocket {
  raw.removeAllListeners('data');
  raw.write(goAhead);
  return new TLSSocket(raw, { isServer: true, secureContext: context });
}

function join(secure: TLSSocket, upstream: Socket): void {
  secure.on('error', () => upstream.destroy());
  secure.on('close', () => upstream.destroy());
  secure.pipe(upstream).pipe(secure);
}
