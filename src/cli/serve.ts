import { Command, Option } from 'commander';
import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';
import type { Application } from '../net/session.ts';
import { defaults, type TlsPolicy } from '../options.ts';
import { loadApplication } from '../run/application-module.ts';
import { commandApplication } from '../run/command-application.ts';
import { dropPrivileges } from '../run/drop-privileges.ts';
import { createServer, type Server } from '../server.ts';
import { addAdminOptions, adminOf, listenBeside } from './admin-options.ts';
import { port, whole } from './argument.ts';
import { drainOnSignal } from './drain-on-signal.ts';
import { KeptCertificates } from './kept-certificates.ts';
import { protocolNamed } from './protocol-argument.ts';
import { serviceManager } from './service-manager.ts';
import {
  addLimitOptions,
  addLogOptions,
  addProcessOptions,
  addTlsOptions,
  addTlsPolicy,
  admissionOf,
  logOf,
  type ServiceOptions,
  settingsOf,
  tryRows,
} from './service-options.ts';
import { tryTable } from './try-table.ts';

interface ServeOptions extends ServiceOptions {
  readonly host: string;
  readonly port?: number;
  readonly portOffset: number;
  readonly app?: string;
  readonly exec?: string;
}

const EXAMPLES = `
Examples:
  sallyport serve
      every protocol, each on 20000 + its port, with a certificate for development
  sallyport serve smtp --port 587 --host 0.0.0.0 --cert chain.pem --key key.pem
  sallyport serve imap --port 143 --host :: --cert-directory /etc/letsencrypt/live
      each name its certificate; a renewed one is taken up
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
  addTlsOptions(addTlsPolicy(command, usualPolicies()));
  addLimitOptions(command, defaults.idleTimeout)
    .addOption(new Option('--app <file>', 'module whose default export gets each session').conflicts('exec'))
    .option(
      '--exec <command>',
      'shell command to run for each session, with the stream on its input and output',
    );
  return addLogOptions(addProcessOptions(addAdminOptions(command)))
    .addHelpText('after', EXAMPLES)
    .action(serve);
}

async function serve(names: readonly string[], options: ServeOptions): Promise<void> {
  const chosen = chosenProtocols(names);
  if (options.port !== undefined && chosen.length > 1) {
    throw new SallyportError('ERR_OPTION', '--port is for one protocol; use --port-offset for several');
  }
  if (options.socket !== undefined && chosen.length > 1) {
    throw new SallyportError('ERR_OPTION', '--socket is for one protocol');
  }
  const log = await logOf(options);
  const certificates = await KeptCertificates.open(options, log);
  const settings = { ...settingsOf(options), ...certificates.tls };
  const application = await applicationOf(options);
  const admission = await admissionOf(options, settings, log);
  const servers = chosen.map(protocol =>
    createServer({ ...settings, tls: policyOf(protocol, options), protocol, log, admission }, application),
  );
  const admin = await adminOf(options, servers, log);
  drainOnSignal(() => Promise.all(servers.map(server => server.close())), log);
  certificates.renew(servers);
  await listenAll(servers, options);
  const adminLine = await listenBeside(admin, servers, log);
  dropPrivileges(options);
  for (const server of servers) {
    log.info({ protocol: server.protocol.name, ...server.address, tls: server.options.tls }, 'listening');
  }
  const rows = servers.flatMap(server => tryRows(server, certificates.caFile));
  process.stdout.write(`${tryTable(rows)}\n${adminLine}`);
  void serviceManager(log).ready(`Serving ${chosen.map(({ name }) => name).join(', ')}`);
}

/** What is said of `--tls` where it is not given, in words. */
function usualPolicies(): string {
  const others = protocols.filter(({ usualPolicy = defaults.tls }) => usualPolicy !== defaults.tls);
  return [defaults.tls, ...others.map(({ name, usualPolicy }) => `for ${name} ${usualPolicy}`)].join(', ');
}

function policyOf({ usualPolicy = defaults.tls }: Protocol, { tls = usualPolicy }: ServeOptions): TlsPolicy {
  return tls;
}

function chosenProtocols(names: readonly string[]): readonly Protocol[] {
  return names.length === 0 ? protocols : [...new Set(names)].map(protocolNamed);
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
      const { host, socket } = options;
      await server.listen(socket === undefined ? { host, port: number } : { passed: socket });
    }
  } catch (error) {
    await Promise.all(servers.map(server => server.close({ within: 0 })));
    throw error;
  }
}
