import { isDeepStrictEqual } from 'node:util';
import type { ListenerConfiguration } from '../config/configuration.ts';
import type { Server } from '../server.ts';
import type { Behind } from './behind.ts';
import type { ListenerGate } from './listener-gates.ts';

/** A listener that is wanted, with what sessions go to. */
export interface WantedListener {
  readonly listener: ListenerConfiguration;
  readonly behind: Behind;
  readonly gate: ListenerGate;
}

/** A listener that is up: what it was configured with, and what came of it. */
export interface RunningListener extends WantedListener {
  readonly server: Server;
}

/** Listeners on the same address are the same; on port 0 of the same host, they are so in turn. */
export function keyOf(listeners: readonly ListenerConfiguration[], index: number): string {
  const name = listeners[index]?.name;
  const before = listeners.slice(0, index).filter(listener => listener.name === name);
  return `${name} ${before.length}`;
}

/** Whether sessions of both go to the same, and it is spoken to in the same way. */
export function goesToTheSame(one: ListenerConfiguration, other: ListenerConfiguration): boolean {
  return isDeepStrictEqual(goal(one), goal(other));
}

function goal({ destination, options }: ListenerConfiguration): object {
  return { destination, protocol: options.protocol, hostname: options.hostname };
}
