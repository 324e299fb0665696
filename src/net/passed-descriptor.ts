import { SallyportError } from '../errors.ts';

/** The first descriptor that systemd passes (`sd_listen_fds(3)`). */
const FIRST = 3;

/**
 * The descriptor of a listening socket that was passed to this process: `systemd:NAME` by the `FileDescriptorName=` of
 * its socket unit, or `fd:NUMBER`. Throws ERR_OPTION, which says what was passed.
 */
export function passedDescriptor(text: string, env: NodeJS.ProcessEnv = process.env): number {
  const [, kind, name = ''] = /^(systemd|fd):(.+)$/.exec(text) ?? [];
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
  if (Number(LISTEN_PID) !== process.pid) return [];
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: Number(LISTEN_FDS) || 0 }, (_, index) => names[index] || 'unknown');
}
