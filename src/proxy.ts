import { hostname } from 'node:os';
import { SallyportError } from './errors.ts';
import { silent } from './log.ts';
import { dataOptions } from './net/data-options.ts';
import type { PortRange } from './net/data-port.ts';
import { Spread } from './net/spread.ts';
import type { UpstreamAddress } from './net/upstream-choice.ts';
import { UpstreamDialler, type UpstreamTls } from './net/upstream-dialler.ts';
import type { UpstreamService } from './net/upstream-link.ts';
import type { ServerOptions } from './options.ts';
import { Server, type Surroundings } from './server.ts';

export interface ProxyOptions extends ServerOptions {
  /** The upstream: the server that has no TLS, or not the one that clients need. With several they take turns. */
  readonly to: UpstreamAddress | readonly UpstreamAddress[];
  /** How the upstream turns TLS on. Default: it has none, and is spoken to in plaintext. */
  readonly toTls?: UpstreamTls;
  /** Each connection to the upstream begins with a PROXY header of this version, which names the client. Default: none. */
  readonly sendProxy?: 'v1' | 'v2';
  /** To connect to one upstream, in milliseconds. Default 5 s. */
  readonly connectTimeout?: number;
  /** To dial until one answers, and for each reply in the dialogue, in milliseconds. Default 30 s. */
  readonly upstreamTimeout?: number;
  /** Ports to listen on for data connections (ftp), both ends included. Default: any that is free. */
  readonly dataPorts?: PortRange | undefined;
  /** IPv4 address that clients are told for data connections, behind NAT. Default: the one by which they reached us. */
  readonly dataAddress?: string | undefined;
  /** For a client's data connection to come, in milliseconds. Default 60 s. */
  readonly dataTimeout?: number | undefined;
}

/** Defaults of a proxy where they are not those of a server: a session may be quiet for half an hour. */
export const proxyDefaults = {
  connectTimeout: 5000,
  upstreamTimeout: 30_000,
  dataTimeout: 60_000,
  idleTimeout: 1_800_000,
} as const;

/**
 * Makes a server that has its application behind it, on another connection: it speaks the protocol as far as TLS
 * is concerned, and passes the rest through. With the policy `required`, nothing is dialled before the handshake
 * is done. Throws ERR_OPTION and ERR_CERTIFICATE.
 */
export function createProxy(options: ProxyOptions & Omit<Surroundings, 'upstream'>): Server {
  const { to, toTls, sendProxy, connectTimeout, upstreamTimeout, log, admission, ...rest } = options;
  const { dataPorts, dataAddress, dataTimeout, ...own } = rest;
  if ((dataPorts ?? dataAddress ?? dataTimeout) !== undefined && own.protocol.follow === undefined) {
    throw new SallyportError('ERR_OPTION', `${own.protocol.name} has no data connections`);
  }
  const surroundings = {
    upstream: upstreamService(options),
    ...(log && { log }),
    ...(admission && { admission }),
  };
  return new Server({ idleTimeout: proxyDefaults.idleTimeout, ...own }, undefined, surroundings);
}

/** What a proxy has in the place of an application. Throws ERR_OPTION. */
export function upstreamService(
  options: Omit<ProxyOptions, 'certificate'> & Pick<Surroundings, 'log'>,
): UpstreamService {
  const { to, protocol, toTls: tls, sendProxy, log = silent } = options;
  const timeout = options.upstreamTimeout ?? proxyDefaults.upstreamTimeout;
  const dialler = new UpstreamDialler({
    addresses: isOne(to) ? [to] : to,
    protocol,
    scene: sceneOf(options.hostname ?? hostname()),
    connectTimeout: options.connectTimeout ?? proxyDefaults.connectTimeout,
    timeout,
    tls,
    sendProxy,
    nameless: ({ session }) => log.info({ session }, 'resumed without a name: default upstream'),
  });
  const { dataPorts, dataAddress, dataTimeout = proxyDefaults.dataTimeout } = options;
  const data = dataOptions({ dataPorts, dataAddress, dataTimeout });
  return { timeout, data, spread: new Spread(), dial: request => dialler.dial(request) };
}

function isOne(to: ProxyOptions['to']): to is UpstreamAddress {
  return !Array.isArray(to);
}

/** As the upstream's client we say our name, and nothing of the application's. */
function sceneOf(hostname: string) {
  const nothing = { application: false, capabilities: [], takesImplicit: false };
  return { hostname, policy: 'required', ...nothing, available: () => true, token: () => '' } as const;
}
