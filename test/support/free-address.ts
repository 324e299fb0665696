import { once } from 'node:events';
import * as net from 'node:net';

/** An address that nobody listens on, for who cannot choose a port by himself. */
export async function freeAddress(): Promise<net.AddressInfo> {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address() as net.AddressInfo; // it listens
  await new Promise(resolve => server.close(resolve));
  return address;
}
