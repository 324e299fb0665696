import pino from 'pino';

/** What Sallyport needs of a logger; any pino logger is one. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['pretty', 'json'] as const;

export interface LogOptions {
  readonly level: LogLevel;
  /** `pretty` for people, `json` for machines. */
  readonly format: (typeof LOG_FORMATS)[number];
}

/** A logger that writes to standard error, so that standard output stays free for reports. */
export async function createLog({ level, format }: LogOptions): Promise<{ log: Log }> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json') return { log: pino(options, pino.destination({ fd: 2, sync: true })) };
  // Loaded only for people: a service that logs JSON does not pay for it.
  const { default: pretty } = await import('pino-pretty');
  return {
    log: pino(
      options,
      pretty({ destination: 2, sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' }),
    ),
  };
}

/** Says nothing: the default of the library. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
