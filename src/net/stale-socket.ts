import { lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';

/**
 * Removes the file of a Unix socket whose server has ended without doing so itself. A socket on which somebody answers
 * stays, and so does a file that is none: listening there then fails.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true && (await isRefused(path))) await rm(path, { force: true });
}

function isRefused(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', error => resolve('code' in error && error.code === 'ECONNREFUSED'));
  });
}
