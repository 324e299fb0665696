import cluster from 'node:cluster';
import { SallyportError } from '../errors.ts';

/** The first descriptor that systemd passes (`sd_listen_fds(3)`). */
const FIRST = 3;

/** Form of the name of a socket that was passed. */
export const PASSED = /^(systemd|fd):(.+)$/;

/** Those on which a server has listened: with that they are closed, and their numbers may be those of other files. */
const taken = new Set<number>();

/** The descriptor, for a server to listen on: once in the life of a process. Throws ERR_OPTION. */
export function takeDescriptor(text: string): number {
  const descriptor = passedDescriptor(text);
  if (taken.has(descriptor)) {
    throw new SallyportError(
      'ERR_OPTION',
      `socket: "${text}" has been given up before, and needs a new start`,
    );
  }
  taken.add(descriptor);
  return descriptor;
}

/**
 * The descriptor of a listening socket that was passed to this process: `systemd:NAME` by the `FileDescriptorName=` of
 * its socket unit, or `fd:NUMBER`. Throws ERR_OPTION, which says what was passed.
 */
export function passedDescriptor(text: string, env: NodeJS.ProcessEnv = process.env): number {
  const [, kind, name = ''] = PASSED.exec(text) ?? [];
  if (kind === 'fd' && /^\d{1,6}$/.test(name)) return Number(name);
  if (kind !== 'systemd')
    throw new SallyportError('ERR_OPTION', 'socket: systemd:NAME or fd:NUMBER expected');
  const names = passedNames(env);
  const at = names.indexOf(name);
  if (at >= 0) return FIRST + at;
  const passed = names.length === 0 ? 'none was passed to this process' : `passed: ${names.join(', ')}`;
  throw new SallyportError('ERR_OPTION', `socket: no "${name}"; ${passed}`);
}

/** In the order of their descriptors. Those that are for another process are none of ours. */
function passedNames({ LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' }: NodeJS.ProcessEnv): readonly string[] {
  // Who listens in a cluster is the primary.
  if (Number(LISTEN_PID) !== (cluster.isWorker ? process.ppid : process.pid)) return [];
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: Number(LISTEN_FDS) || 0 }, (_, index) => names[index] || 'unknown');
}
