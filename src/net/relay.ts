import type { Socket } from 'node:net';
import { SallyportError } from '../errors.ts';

/** Time without a byte after the upstream has said its last, in milliseconds: then the client is just not closing. */
const LAST_WORDS = 60_000;

/**
 * Copies both ways between the client and the upstream until both have said their last. Who is slow slows the
 * other down; an end in one direction is passed on, and the other direction goes on.
 *
 * Rejects with ERR_UPSTREAM_CLOSED when the upstream breaks off: the client is destroyed then, without
 * close_notify, so that what it got does not pass for all there was.
 */
export function relay(client: Socket, upstream: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let open = 2;
    const ended = (to: Socket) => {
      open -= 1;
      to.end();
      if (open === 0) resolve();
    };
    copy(client, upstream, () => ended(upstream));
    copy(upstream, client, () => {
      client.setTimeout(LAST_WORDS, () => client.destroy());
      ended(client);
    });
    client.once('close', () => {
      upstream.destroy();
      resolve();
    });
    upstream.once('close', () => {
      if (upstream.readableEnded || client.destroyed) return;
      client.destroy();
      reject(new SallyportError('ERR_UPSTREAM_CLOSED'));
    });
    if (upstream.destroyed) upstream.emit('close');
  });
}

function copy(from: Socket, to: Socket, ended: () => void): void {
  from.on('data', chunk => {
    if (to.writable && !to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', ended);
  from.resume();
}
