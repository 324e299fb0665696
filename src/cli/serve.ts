import { Command, Option } from 'commander';
import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';
import { createLog, LOG_LEVELS, type LogLevel } from '../log.ts';
import { Admission } from '../net/admission.ts';
import { loadAuthorities } from '../net/certificates.ts';
import type { Application } from '../net/session.ts';
import { connectionsByDescriptors, defaults, type ServerOptions } from '../options.ts';
import { createServer, type Server } from '../server.ts';
import { loadApplication } from './application-module.ts';
import { choice, each, port, seconds, someSeconds, whole } from './argument.ts';
import { chosenCertificates } from './chosen-certificates.ts';
import { commandApplication } from './command-application.ts';
import { drainOnSignal } from './drain-on-signal.ts';
import { tryCommand } from './try-command.ts';
import { tryTable } from './try-table.ts';

type Policy = NonNullable<ServerOptions['tls']>;

interface ServeOptions {
  readonly host: string;
  readonly port?: number;
  readonly portOffset: number;
  readonly tls?: Policy;
  readonly detectTimeout: number;
  readonly cert?: readonly string[];
  readonly key?: readonly string[];
  readonly passphraseFile?: string;
  readonly ca?: string;
  readonly clientCert: 'none' | 'request' | 'require';
  readonly maxConnections?: number;
  readonly maxPerAddress: number;
  readonly handshakeTimeout: number;
  readonly idleTimeout: number;
  readonly app?: string;
  readonly exec?: string;
  readonly logLevel: LogLevel;
  readonly logFormat?: 'pretty' | 'json';
}

const EXAMPLES = `
Examples:
  sallyport serve
      every protocol, each on 20000 + its port, with a certificate for development
  sallyport serve smtp --port 587 --host 0.0.0.0 --cert chain.pem --key key.pem
  sallyport serve imap --tls implicit --port-offset 0
  sallyport serve line --exec 'tr a-z A-Z'
      each session's lines through a command, as inetd would
  sallyport serve smtp --app ./mail.js
      each session to the default export of a module`;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Be the server: speak the protocol, offer TLS, go on over TLS.')
    .argument('[protocol...]', `what to speak: ${protocols.map(({ name }) => name).join(' ')} (default: all)`)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on, for one protocol (default: offset + its own)', port)
    .option(
      '--port-offset <number>',
      'added to the port of each protocol, or of its implicit TLS',
      whole,
      20_000,
    );
  return addTlsOptions(command)
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
      '--handshake-timeout <seconds>',
      'for a TLS handshake',
      someSeconds,
      defaults.handshakeTimeout / 1000,
    )
    .option('--idle-timeout <seconds>', 'idle under TLS, 0: for ever', seconds, defaults.idleTimeout / 1000)
    .addOption(new Option('--app <file>', 'module whose default export gets each session').conflicts('exec'))
    .option(
      '--exec <command>',
      'shell command to run for each session, with the stream on its input and output',
    )
    .addOption(choice('--log-level <level>', 'what to log, on standard error', LOG_LEVELS, 'info'))
    .addOption(choice('--log-format <format>', 'how to log (default: pretty on a terminal)', LOG_FORMATS))
    .addHelpText('after', EXAMPLES)
    .action(serve);
}

function addTlsOptions(command: Command): Command {
  return command
    .addOption(
      choice('--tls <policy>', `what is allowed before TLS (default: ${usualPolicies()})`, TLS_POLICIES),
    )
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
    .option('--passphrase-file <file>', 'file whose first line opens the keys')
    .option('--ca <file>', 'authorities of client certificates, PEM')
    .addOption(
      choice('--client-cert <policy>', 'client certificates', CLIENT_CERTS, defaults.clientCertificate),
    );
}

const TLS_POLICIES = ['required', 'optional', 'implicit', 'auto'] as const;
const CLIENT_CERTS = ['none', 'request', 'require'] as const;
const LOG_FORMATS = ['pretty', 'json'] as const;

async function serve(names: readonly string[], options: ServeOptions): Promise<void> {
  const chosen = chosenProtocols(names);
  if (options.port !== undefined && chosen.length > 1) {
    throw new SallyportError('ERR_OPTION', '--port is for one protocol; use --port-offset for several');
  }
  const { caFile, ...certificates } = await chosenCertificates(options);
  const settings = await settingsOf(options, certificates);
  const application = await applicationOf(options);
  const { logLevel: level, logFormat: format = process.stderr.isTTY ? 'pretty' : 'json' } = options;
  const { log } = await createLog({ level, format });
  const { maxConnections = connectionsByDescriptors(), maxPerAddress } = options;
  const admission = new Admission({ maxConnections, maxPerAddress });
  const servers = chosen.map(protocol =>
    createServer({ ...settings, tls: policyOf(protocol, options), protocol, log, admission }, application),
  );
  drainOnSignal(servers, log);
  await listenAll(servers, options);
  for (const server of servers) {
    log.info({ protocol: server.protocol.name, ...server.address, tls: server.options.tls }, 'listening');
  }
  process.stdout.write(`${tableOf(servers, options, caFile)}\n`);
}

/** What is said of `--tls` where it is not given, in words. */
function usualPolicies(): string {
  const others = protocols.filter(({ usualPolicy = defaults.tls }) => usualPolicy !== defaults.tls);
  return [defaults.tls, ...others.map(({ name, usualPolicy }) => `for ${name} ${usualPolicy}`)].join(', ');
}

function policyOf({ usualPolicy = defaults.tls }: Protocol, { tls = usualPolicy }: ServeOptions): Policy {
  return tls;
}

function chosenProtocols(names: readonly string[]): readonly Protocol[] {
  if (names.length === 0) return protocols;
  return [...new Set(names)].map(name => {
    const protocol = protocols.find(known => known.name === name);
    if (protocol !== undefined) return protocol;
    const known = protocols.map(({ name }) => name).join(' ');
    throw new SallyportError('ERR_OPTION', `no protocol "${name}"; there is ${known}`);
  });
}

async function settingsOf(
  options: ServeOptions,
  certificates: Pick<ServerOptions, 'certificate' | 'certificates'>,
): Promise<Omit<ServerOptions, 'protocol' | 'tls'>> {
  const { clientCert, maxConnections, maxPerAddress } = options;
  if (clientCert !== 'none' && options.ca === undefined) {
    throw new SallyportError('ERR_OPTION', `--client-cert ${clientCert} needs --ca`);
  }
  return {
    ...certificates,
    clientCertificate: clientCert,
    maxPerAddress,
    detectTimeout: options.detectTimeout * 1000,
    handshakeTimeout: options.handshakeTimeout * 1000,
    idleTimeout: options.idleTimeout * 1000,
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(options.ca === undefined ? {} : { ca: await loadAuthorities(options.ca) }),
  };
}

async function applicationOf({ app, exec }: ServeOptions): Promise<Application | undefined> {
  if (exec !== undefined) return commandApplication(exec);
  return app === undefined ? undefined : loadApplication(app);
}

/** All or none: if one cannot listen, those that do are closed again. */
async function listenAll(servers: readonly Server[], options: ServeOptions): Promise<void> {
  try {
    for (const server of servers) {
      const own = options.tls === 'implicit' ? server.protocol.implicitPort : server.protocol.port;
      const number = options.port ?? options.portOffset + (own ?? server.protocol.port);
      await server.listen({ host: options.host, port: number });
    }
  } catch (error) {
    await Promise.all(servers.map(server => server.close({ within: 0 })));
    throw error;
  }
}

/** One port for both has a row for each way. */
const WAYS = { required: [false], optional: [false], implicit: [true], auto: [false, true] } as const;

function tableOf(servers: readonly Server[], options: ServeOptions, caFile: string | undefined): string {
  return tryTable(
    servers.flatMap(({ protocol, address, options: { tls } }) => {
      const { address: host = options.host, port = 0 } = address ?? {};
      return WAYS[tls].map(implicit => {
        const command = tryCommand({ protocol, host, port, implicit, caFile });
        return { protocol: protocol.name, address: `${host}:${port}`, command };
      });
    }),
  );
}
