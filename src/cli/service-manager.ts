import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Log } from '../log.ts';

/** What starts and watches the process, as `sd_notify(3)` knows it; without one all of this does nothing. */
export interface ServiceManager {
  /** All listen. `status` is shown by `systemctl status`. From now on it is told that we live, and when we stop. */
  ready(status: string): Promise<void>;
  /** The configuration is read again; `ready` ends it. */
  reloading(): Promise<void>;
}

/**
 * Speaks with systemd by its own command, `systemd-notify`: Node has no datagrams on Unix sockets, and a native module
 * would have to be built for each. As the command is a process of its own, the unit needs `NotifyAccess=all`; and each
 * message waits for the one before it, so that they come in order. What returns resolves when it was told.
 */
export function serviceManager(log: Log, env: NodeJS.ProcessEnv = process.env): ServiceManager {
  if (env['NOTIFY_SOCKET'] === undefined)
    return { ready: async () => undefined, reloading: async () => undefined };
  const tell = async (...words: readonly string[]) => {
    const child = spawn('systemd-notify', words, { stdio: 'ignore', env });
    await once(child, 'exit').catch(error =>
      log.warn({ reason: error.message }, 'service manager cannot be told'),
    );
  };
  let stopping = false;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (...words: readonly string[]): Promise<void> => {
    const told = last.then(() => (stopping ? undefined : tell(...words)));
    last = told;
    return told;
  };
  let watched = false;
  const stop = () => {
    stopping = true;
    // At once: the process may be gone before what was said last has been heard.
    void tell('STOPPING=1', 'STATUS=Draining');
  };
  return {
    async ready(status) {
      if (!watched) {
        watched = true;
        keepAlive(env, () => void tell('WATCHDOG=1'));
        process.once('SIGTERM', stop).once('SIGINT', stop);
      }
      await inTurn('READY=1', `STATUS=${status}`);
    },
    reloading() {
      // Type=notify-reload wants the time of it, by the clock that never goes back.
      return inTurn('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    },
  };
}

/** Twice as often as it is asked for: a process that hangs says nothing, and is started anew. */
function keepAlive({ WATCHDOG_USEC = '', WATCHDOG_PID }: NodeJS.ProcessEnv, tell: () => void): void {
  const period = Number(WATCHDOG_USEC) / 1000;
  if (!(period > 0) || (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid)) return;
  setInterval(tell, period / 2).unref();
}
