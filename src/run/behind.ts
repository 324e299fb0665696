import type { ListenerConfiguration } from '../config/configuration.ts';
import type { Log } from '../log.ts';
import type { Application } from '../net/session.ts';
import type { UpstreamService } from '../net/upstream-link.ts';
import { upstreamService } from '../proxy.ts';
import { loadApplication } from './application-module.ts';
import { commandApplication } from './command-application.ts';

/** What is behind a listener: one of the two, or nothing. */
export interface Behind {
  readonly application?: Application;
  readonly upstream?: UpstreamService;
}

/** Makes what sessions of a listener go to. Rejects with ERR_APPLICATION_MODULE and ERR_OPTION. */
export async function behind({ destination, options }: ListenerConfiguration, log: Log): Promise<Behind> {
  switch (destination.kind) {
    case 'none':
      return {};
    case 'module':
      return { application: await loadApplication(destination.file) };
    case 'command':
      return { application: commandApplication(destination.command) };
    case 'upstream':
      return { upstream: upstreamService({ ...options, ...destination.options, log }) };
  }
}
