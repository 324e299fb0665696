import { type Command, Option } from 'commander';
import { createLog, LOG_FORMATS, LOG_LEVELS, type Log, type LogLevel } from '../log.ts';
import { Admission } from '../net/admission.ts';
import { inMemory } from '../net/rate-limit.ts';
import { redisRates } from '../net/redis-rates.ts';
import {
  connectionsByDescriptors,
  defaults,
  type ServerOptions,
  TLS_POLICIES,
  type TlsOptions,
  type TlsPolicy,
} from '../options.ts';
import type { Server } from '../server.ts';
import { addAcmeOptions } from './acme-service.ts';
import type { AdminArguments } from './admin-options.ts';
import { choice, each, seconds, someSeconds, whole } from './argument.ts';
import type { CertificateArguments } from './kept-certificates.ts';
import { tryCommand } from './try-command.ts';
import type { TryRow } from './try-table.ts';

/** What every command that listens is told: TLS, limits, log. */
export interface ServiceOptions extends CertificateArguments, AdminArguments {
  readonly tls?: TlsPolicy;
  readonly detectTimeout: number;
  readonly maxConnections?: number;
  readonly maxPerAddress: number;
  readonly connectionsPerMinute: number;
  readonly handshakesPerMinute: number;
  readonly trusted?: readonly string[];
  readonly redis?: string;
  readonly proxyFrom?: readonly string[];
  readonly handshakeTimeout: number;
  readonly idleTimeout: number;
  readonly socket?: string;
  readonly user?: string;
  readonly group?: string;
  readonly logLevel: LogLevel;
  readonly logFormat?: 'pretty' | 'json';
}

const CLIENT_CERTS = ['none', 'request', 'require'] as const;

/** Adds `--tls`, whose default is the command's to find; `otherwise` says in words how. */
export function addTlsPolicy(command: Command, otherwise: string): Command {
  const text = `what is allowed before TLS (default: ${otherwise})`;
  return command.addOption(choice('--tls <policy>', text, TLS_POLICIES));
}

/** Adds what TLS needs, besides the policy. */
export function addTlsOptions(command: Command): Command {
  command
    .option(
      '--detect-timeout <seconds>',
      'with --tls auto, wait so long for TLS before a greeting',
      someSeconds,
      defaults.detectTimeout / 1000,
    )
    .option(
      '--cert <file>',
      'certificate and chain, PEM; may come again (default: one for development)',
      each,
    )
    .option('--key <file>', 'key, PEM; as many as --cert (default: in the file of --cert)', each)
    .option(
      '--cert-directory <path>',
      'directory with certificates and keys, also those of certbot and Caddy; may come again',
      each,
    )
    .option('--passphrase-file <file>', 'file whose first line opens the keys')
    .option('--strict-sni', 'refuse clients that ask for a name which no certificate has')
    .option('--no-ocsp', 'fetch no OCSP responses for certificates that name a responder')
    .option('--ticket-secret <file>', 'session tickets: at least 32 random bytes that several servers share')
    .option('--ca <file>', 'authorities of client certificates, PEM')
    .option('--crl <file>', 'their revocation lists, PEM; may come again', each)
    .addOption(
      choice('--client-cert <policy>', 'client certificates', CLIENT_CERTS, defaults.clientCertificate),
    )
    .option('--client-subject <name>', 'let in only this name; * stands for one label, may come again', each);
  return addAcmeOptions(command);
}

/** Adds the limits; `idleTimeout` is their default for a quiet session, in milliseconds. */
export function addLimitOptions(command: Command, idleTimeout: number): Command {
  return command
    .option(
      '--max-connections <number>',
      'connections at once, 0: no limit (default: descriptors less 64)',
      whole,
    )
    .option(
      '--max-per-address <number>',
      'connections at once from one address, 0: no limit',
      whole,
      defaults.maxPerAddress,
    )
    .option(
      '--connections-per-minute <number>',
      'new connections from one address, 0: no limit',
      whole,
      defaults.connectionsPerMinute,
    )
    .option(
      '--handshakes-per-minute <number>',
      'TLS handshakes from one address, 0: no limit',
      whole,
      defaults.handshakesPerMinute,
    )
    .option(
      '--trusted <network>',
      'no limit of one address holds here; address, network or unix:, may come again',
      each,
    )
    .addOption(
      new Option('--redis <url>', 'count over time in a Redis, with other machines').env('SALLYPORT_REDIS'),
    )
    .option(
      '--proxy-from <network>',
      'connections from here begin with a PROXY header; address, network or unix:, may come again',
      each,
    )
    .option(
      '--handshake-timeout <seconds>',
      'for a TLS handshake',
      someSeconds,
      defaults.handshakeTimeout / 1000,
    )
    .option('--idle-timeout <seconds>', 'idle under TLS, 0: for ever', seconds, idleTimeout / 1000);
}

/** Adds what a service manager, or who starts it as root, needs. */
export function addProcessOptions(command: Command): Command {
  return command
    .option('--socket <socket>', 'listen on one that was passed: systemd:NAME or fd:NUMBER')
    .option('--user <name>', 'go on as this user when all listen')
    .option('--group <name>', "and as this group (default: the user's name)");
}

export function addLogOptions(command: Command): Command {
  return command
    .addOption(choice('--log-level <level>', 'what to log, on standard error', LOG_LEVELS, 'info'))
    .addOption(choice('--log-format <format>', 'how to log (default: pretty on a terminal)', LOG_FORMATS));
}

/** The options of a server but for those of TLS. */
export function settingsOf(
  options: ServiceOptions,
): Omit<ServerOptions, 'protocol' | 'tls' | keyof TlsOptions> {
  const { maxConnections, proxyFrom, trusted } = options;
  return {
    maxPerAddress: options.maxPerAddress,
    connectionsPerMinute: options.connectionsPerMinute,
    handshakesPerMinute: options.handshakesPerMinute,
    detectTimeout: options.detectTimeout * 1000,
    handshakeTimeout: options.handshakeTimeout * 1000,
    idleTimeout: options.idleTimeout * 1000,
    ...(proxyFrom === undefined ? {} : { proxyFrom }),
    ...(trusted === undefined ? {} : { trusted }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
  };
}

/** What holds all servers of a command to its limits together. Throws ERR_OPTION. */
export async function admissionOf(
  { redis }: ServiceOptions,
  { maxConnections = connectionsByDescriptors(), ...limits }: Omit<ServerOptions, 'protocol' | 'tls'>,
  log: Log,
): Promise<Admission> {
  return new Admission(
    { ...limits, maxConnections },
    redis === undefined ? inMemory : await redisRates(redis, log),
  );
}

/** The logger that the command line asks for. */
export async function logOf({ logLevel: level, logFormat }: ServiceOptions): Promise<Log> {
  const format = logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  return (await createLog({ level, format })).log;
}

/** One port for both has a row for each way. */
const WAYS = { required: [false], optional: [false], implicit: [true], auto: [false, true] } as const;

/** How a server can be tried. */
export function tryRows({ protocol, address, options }: Server, caFile?: string): readonly TryRow[] {
  const { address: host = '', port = 0 } = address ?? {};
  return WAYS[options.tls].map(implicit => {
    const command = tryCommand({ protocol, host, port, implicit, caFile });
    return {
      protocol: protocol.name,
      address: host.startsWith('/') ? host : hostAndPort(host, port),
      command,
    };
  });
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
