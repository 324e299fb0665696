import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Where clients stop, in words. */
export const STALLS = ['after the greeting', 'after the go-ahead', 'amid the ClientHello'] as const;

/** The beginning of a ClientHello's record: 512 bytes are announced. */
const HALF = Buffer.from('160301020001000001fc0303', 'hex');
const AT_ONCE = 64;

/** Opens so many connections to an SMTP server that go no further, a third at each place. */
export async function stalled(port: number, count: number): Promise<Socket[]> {
  const clients: Socket[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++)
      clients.push(await stall(port, index % STALLS.length));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return clients;
}

async function stall(port: number, place: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'data');
  if (place > 0) {
    socket.write('EHLO stalled.example.org\r\n');
    await once(socket, 'data');
    socket.write('STARTTLS\r\n');
    await once(socket, 'data');
  }
  if (place > 1) socket.write(HALF);
  return socket;
}
