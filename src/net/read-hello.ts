import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { type ClientHello, decodeClientHello } from '../wire/client-hello.ts';

/**
 * Reads the ClientHello, puts its bytes back into the socket's read buffer, and calls back with what it says, once;
 * with `undefined` where something else has come. Where the stream ends first the socket is destroyed, and nobody is
 * called. It has no deadline of its own.
 */
export function readHello(socket: Duplex, found: (hello: ClientHello | undefined) => void): void {
  const chunks: Buffer[] = [];
  let [have, needs] = [0, 0];
  const stop = () => socket.pause().off('data', read).off('end', gone).off('close', stop);
  const gone = () => {
    stop();
    socket.destroy();
  };
  const read = (data: Buffer) => {
    chunks.push(data);
    have += data.length;
    if (have < needs) return;
    const bytes = Buffer.concat(chunks);
    const hello = decodeClientHello(bytes);
    if (hello !== undefined && 'needs' in hello) {
      needs = hello.needs;
      return;
    }
    stop();
    socket.unshift(bytes);
    found(hello);
  };
  socket.on('data', read).on('end', gone).on('close', stop).resume();
}
