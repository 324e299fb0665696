import { Machine } from '../dialogue/machine.ts';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import type { Driver } from './driver.ts';
import type { Milestone } from './progress.ts';
import type { Application } from './session.ts';
import type { SessionEnd } from './session-end.ts';
import type { TlsService } from './start-tls.ts';
import type { UpstreamService } from './upstream-link.ts';

/** What the connections of one listener share. */
export interface Service extends TlsService {
  readonly application: Application | undefined;
  /** Where we are a proxy: what is dialled takes the application's place. */
  readonly upstream: UpstreamService | undefined;
  reached(id: string, milestone: Milestone, elapsed: number | undefined): void;
  /** `took` is from the go-ahead, or from the first byte, to the end of the handshake, in milliseconds. */
  secured(id: string, facts: TlsFacts, took: number): void;
  ended(driver: Driver, end: SessionEnd): void;
}

/** A machine for one connection, from its beginning. */
export function machineFor({ options, scene, upstream }: Service): Machine {
  const { protocol, badCommands, plaintextAfterUpgrade } = options;
  const role = upstream === undefined ? 'server' : 'proxy';
  return new Machine({ protocol, role, scene, badCommands, plaintextAfterUpgrade });
}
