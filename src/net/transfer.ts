import type { Socket } from 'node:net';
import { breakOff, pass } from './relay.ts';

export interface TransferLegs {
  /** Who sends, and says by its end that all was sent. */
  readonly from: Socket;
  readonly to: Socket;
  /** Called with each piece that goes through. */
  progress(): void;
}

/** How long the other end may take to close when all is said, in milliseconds. */
const LINGER = 1000;

/**
 * Copies one way, up to the sender's end, and passes that on. Resolves with whether the receiver has taken all of it,
 * close_notify and FIN included. If either breaks off, so does the other: what was cut off must not look whole.
 */
export function transfer({ from, to, progress }: TransferLegs): Promise<boolean> {
  return new Promise(resolve => {
    const settle: (whole: boolean) => void = resolve;
    const broken = () => {
      settle(false);
      breakOff(from);
      breakOff(to);
    };
    from.on('data', data => {
      progress();
      pass(data, from, to);
    });
    to.on('drain', () => {
      progress();
      from.resume();
    });
    const ended = () => {
      to.end(() => {
        settle(true);
        takeLeave(from);
        takeLeave(to);
      });
    };
    // A stream without a byte ends by itself.
    if (from.readableEnded) ended();
    else from.once('end', ended);
    from.once('close', () => {
      if (!from.readableEnded) broken();
    });
    to.once('close', () => {
      if (!to.writableFinished) broken();
    });
    // The receiver has nothing to say.
    to.resume();
    from.resume();
    if ((from.destroyed && !from.readableEnded) || to.destroyed) broken();
  });
}

function takeLeave(socket: Socket): void {
  socket.end();
  const linger = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(linger));
}
