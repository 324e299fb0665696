import type { Log } from '../log.ts';
import type { Server } from '../server.ts';
import { exitStatuses } from './exit-status.ts';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** At the first SIGINT or SIGTERM lets the sessions end, and the process with status 0; at the second ends it at once. */
export function drainOnSignal(servers: readonly Server[], log: Log): void {
  let draining = false;
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (draining) process.exit(status);
      draining = true;
      log.info({ signal }, 'draining');
      void drain(servers, log);
    });
  }
}

async function drain(servers: readonly Server[], log: Log): Promise<void> {
  await Promise.all(servers.map(server => server.close()));
  log.info({}, 'closed');
  process.exit(exitStatuses.ok);
}
