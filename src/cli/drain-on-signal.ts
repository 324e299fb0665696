import type { Log } from '../log.ts';
import { exitStatuses } from './exit-status.ts';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** At the first SIGINT or SIGTERM has the sessions end, then the process with status 0; at the second ends it at once. */
export function drainOnSignal(drain: () => Promise<unknown>, log: Log): void {
  let draining = false;
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (draining) process.exit(status);
      draining = true;
      log.info({ signal }, 'draining');
      void drain().then(() => {
        log.info({}, 'closed');
        process.exit(exitStatuses.ok);
      });
    });
  }
}
