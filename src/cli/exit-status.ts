import { SallyportError } from '../errors.ts';

/** Exit statuses of sysexits.h. */
export const exitStatuses = {
  ok: 0,
  usage: 64,
  unavailable: 69,
  software: 70,
  noPermission: 77,
  config: 78,
} as const;

/** The one place where an error becomes an exit status. */
export function exitStatus(error: unknown): number {
  if (!(error instanceof SallyportError)) return exitStatuses.software;
  switch (error.code) {
    case 'ERR_LISTEN':
      return /\bEACCES\b/.test(error.message) ? exitStatuses.noPermission : exitStatuses.unavailable;
    case 'ERR_PRIVILEGES':
      return exitStatuses.noPermission;
    case 'ERR_OPTION':
      return exitStatuses.usage;
    default:
      return error.blame === 'config' ? exitStatuses.config : exitStatuses.software;
  }
}
