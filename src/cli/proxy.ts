import { Command } from 'commander';
import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';
import { loadAuthorities, loadCertificate } from '../net/certificates.ts';
import type { PortRange } from '../net/data-port.ts';
import type { DialTarget } from '../net/dial.ts';
import type { ListenOptions } from '../net/listener.ts';
import type { UpstreamAddress } from '../net/upstream-choice.ts';
import type { UpstreamTls } from '../net/upstream-dialler.ts';
import { defaults, type TlsPolicy } from '../options.ts';
import { createProxy, proxyDefaults } from '../proxy.ts';
import { dropPrivileges } from '../run/drop-privileges.ts';
import { address, upstreams } from './address.ts';
import { addAdminOptions, adminOf, listenBeside } from './admin-options.ts';
import { choice, portRange, someSeconds } from './argument.ts';
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

interface ProxyCommandOptions extends ServiceOptions {
  readonly listen?: DialTarget;
  readonly to: readonly UpstreamAddress[];
  readonly toTls: 'plain' | 'implicit' | 'upgrade';
  readonly toCa?: string;
  readonly toCert?: string;
  readonly toKey?: string;
  readonly toServername?: string;
  readonly toInsecure?: true;
  readonly sendProxy?: 'v1' | 'v2';
  readonly connectTimeout: number;
  readonly upstreamTimeout: number;
  readonly dataPorts?: PortRange;
  readonly dataAddress?: string;
}

/** Added to the protocol's own port where no address to listen on is given, as `serve` does. */
const PORT_OFFSET = 20_000;

const EXAMPLES = `
Addresses are host:port, [IPv6]:port, unix:/path or /path.

Examples:
  sallyport proxy smtp --listen 0.0.0.0:587 --to 127.0.0.1:2525 --cert chain.pem --key key.pem
  sallyport proxy postgres --to unix:/run/postgresql/.s.PGSQL.5432
      on 127.0.0.1:25432, with a certificate for development
  sallyport proxy imap --to a.example.org=10.0.0.1:143 --to 10.0.0.2:143 --to 10.0.0.3:143
      by the name that the client asks for; for all others two in turn
  sallyport proxy imap --to imap.example.org:143 --to-tls upgrade
      the upstream has TLS of its own, and must have a valid certificate
  sallyport proxy ftp --listen 0.0.0.0:21 --to 127.0.0.1:2121 --data-ports 50000-50100
  sallyport proxy smtp --to 127.0.0.1:2525 --proxy-from 10.0.0.0/8 --send-proxy v2`;

export function proxyCommand(): Command {
  const command = new Command('proxy')
    .description('Give TLS to a server that has none: speak the protocol up to TLS, and pass the rest on.')
    .argument('<protocol>', `what to speak: ${protocols.map(({ name }) => name).join(' ')}`)
    .option('--listen <address>', 'address to listen on (default: 127.0.0.1:20000 + its own port)', address)
    .requiredOption(
      '--to <[name=]address>',
      'upstream; may come again, for a name (SNI) or in turn',
      upstreams,
    );
  addTlsPolicy(command, 'required, optional on a public port');
  addTlsOptions(command);
  addUpstreamOptions(command);
  addLimitOptions(command, proxyDefaults.idleTimeout);
  return addLogOptions(addProcessOptions(addAdminOptions(command)))
    .addHelpText('after', EXAMPLES)
    .action(proxy);
}

function addUpstreamOptions(command: Command): void {
  command
    .addOption(choice('--to-tls <mode>', 'TLS to the upstream', ['plain', 'implicit', 'upgrade'], 'plain'))
    .option('--to-ca <file>', "authorities of the upstream's certificate, PEM (default: those of Node)")
    .option('--to-cert <file>', 'our certificate and chain for the upstream, PEM')
    .option('--to-key <file>', 'its key, PEM (default: in the file of --to-cert)')
    .option('--to-servername <name>', "name in the upstream's certificate (default: that of --to)")
    .option('--to-insecure', 'take whatever certificate the upstream has')
    .addOption(choice('--send-proxy <version>', 'begin with a PROXY header', ['v1', 'v2']))
    .option(
      '--connect-timeout <seconds>',
      'to connect to one upstream',
      someSeconds,
      inSeconds('connectTimeout'),
    )
    .option(
      '--upstream-timeout <seconds>',
      'to find an upstream, and for each of its replies before TLS is passed on',
      someSeconds,
      inSeconds('upstreamTimeout'),
    )
    .option('--data-ports <from-to>', 'ftp: ports for data connections (default: any)', portRange)
    .option('--data-address <address>', 'ftp: IPv4 address to tell clients, behind NAT (default: ours)');
}

function inSeconds(name: 'connectTimeout' | 'upstreamTimeout'): number {
  return proxyDefaults[name] / 1000;
}

async function proxy(name: string, options: ProxyCommandOptions): Promise<void> {
  const protocol = protocolNamed(name);
  const tls = options.tls ?? presetPolicy(protocol, options.listen);
  const log = await logOf(options);
  const certificates = await KeptCertificates.open(options, log);
  const toTls = await upstreamTlsOf(options);
  const { to, sendProxy, connectTimeout, upstreamTimeout, dataPorts, dataAddress } = options;
  const settings = { ...settingsOf(options), ...certificates.tls };
  const server = createProxy({
    ...settings,
    tls,
    protocol,
    log,
    admission: await admissionOf(options, settings, log),
    to,
    connectTimeout: connectTimeout * 1000,
    upstreamTimeout: upstreamTimeout * 1000,
    dataPorts,
    dataAddress,
    ...(toTls === undefined ? {} : { toTls }),
    ...(sendProxy === undefined ? {} : { sendProxy }),
  });
  const admin = await adminOf(options, [server], log);
  drainOnSignal(() => server.close(), log);
  certificates.renew([server]);
  const where = await server.listen(placeOf(options) ?? presetAddress(protocol, tls));
  const adminLine = await listenBeside(admin, [server], log);
  dropPrivileges(options);
  log.info({ protocol: name, role: 'proxy', ...where, tls }, 'listening');
  process.stdout.write(`${tryTable(tryRows(server, certificates.caFile))}\n${adminLine}`);
  void serviceManager(log).ready(`Proxy for ${name}`);
}

function placeOf({ listen, socket }: ProxyCommandOptions): ListenOptions | undefined {
  if (socket === undefined) return listen;
  if (listen !== undefined) throw new SallyportError('ERR_OPTION', '--listen and --socket: only one of them');
  return { passed: socket };
}

/** On a public port a server must not insist on TLS (RFC 3207 section 4). */
function presetPolicy(
  { publicPort, usualPolicy = defaults.tls }: Protocol,
  listen: DialTarget | undefined,
): TlsPolicy {
  const isPublic = listen !== undefined && 'port' in listen && listen.port === publicPort;
  return isPublic ? 'optional' : usualPolicy;
}

function presetAddress({ port, implicitPort = port }: Protocol, policy: TlsPolicy): ListenOptions {
  return { port: PORT_OFFSET + (policy === 'implicit' ? implicitPort : port) };
}

async function upstreamTlsOf(options: ProxyCommandOptions): Promise<UpstreamTls | undefined> {
  const { toTls: mode, toCa, toCert, toKey, toServername, toInsecure } = options;
  if (mode === 'plain') {
    const [vain] = Object.entries({ toCa, toCert, toKey, toServername, toInsecure }).filter(
      ([, value]) => value,
    );
    if (vain === undefined) return undefined;
    const flag = vain[0].replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
    throw new SallyportError('ERR_OPTION', `--${flag} needs --to-tls implicit or upgrade`);
  }
  if (toKey !== undefined && toCert === undefined)
    throw new SallyportError('ERR_OPTION', '--to-key needs --to-cert');
  return {
    mode,
    ...(toCa === undefined ? {} : { ca: await loadAuthorities(toCa) }),
    ...(toServername === undefined ? {} : { servername: toServername }),
    ...(toInsecure === undefined ? {} : { verify: false }),
    ...(toCert === undefined
      ? {}
      : { clientCertificate: await loadCertificate({ cert: toCert, ...(toKey && { key: toKey }) }) }),
  };
}
