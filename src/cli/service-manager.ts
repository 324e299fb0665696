import { spawn } from 'node:child_process';
import type { Log } from '../log.ts';

/** What starts and watches the process, as `sd_notify(3)` knows it; without one all of this does nothing. */
export interface ServiceManager {
  /** All listen. `status` is shown by `systemctl status`. From now on it is told that we live, and when we stop. */
  ready(status: string): void;
  /** The configuration is read again; `ready` ends it. */
  reloading(): void;
}

/**
 * Speaks with systemd by its own command, `systemd-notify`: Node has no datagrams on Unix sockets, and a native module
 * would have to be built for each. As the command is a process of its own, the unit needs `NotifyAccess=all`.
 */
export function serviceManager(log: Log, env: NodeJS.ProcessEnv = process.env): ServiceManager {
  if (env['NOTIFY_SOCKET'] === undefined) return { ready() {}, reloading() {} };
  const tell = (...words: readonly string[]) => {
    const child = spawn('systemd-notify', words, { stdio: 'ignore', env });
    child.on('error', error => log.warn({ reason: error.message }, 'service manager cannot be told'));
  };
  let watched = false;
  return {
    ready(status) {
      tell('READY=1', `STATUS=${status}`);
      if (watched) return;
      watched = true;
      keepAlive(env, () => tell('WATCHDOG=1'));
      const stopping = () => tell('STOPPING=1', 'STATUS=Draining');
      process.once('SIGTERM', stopping).once('SIGINT', stopping);
    },
    reloading() {
      // Type=notify-reload wants the time of it, by the clock that never goes back.
      tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    },
  };
}

/** Twice as often as it is asked for: a process that hangs says nothing, and is started anew. */
function keepAlive({ WATCHDOG_USEC = '', WATCHDOG_PID }: NodeJS.ProcessEnv, tell: () => void): void {
  const period = Number(WATCHDOG_USEC) / 1000;
  if (!(period > 0) || (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid)) return;
  setInterval(tell, period / 2).unref();
}
