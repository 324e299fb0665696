import { isIPv6 } from 'node:net';
import type { Protocol } from '../dialogue/protocol.ts';

export interface TryTarget {
  readonly protocol: Protocol;
  /** An address, a name, or the path of a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicit: boolean;
  /** The authority that vouches for the server; absent when its certificate was given by the user. */
  readonly caFile: string | undefined;
}

/**
 * The command that connects to a listener, ready to be copied into a shell: `openssl s_client`, or the protocol's own
 * where that does not know the upgrade.
 */
export function tryCommand({ protocol, host, port, implicit, caFile }: TryTarget): string {
  const { tryInBand } = protocol;
  if (!implicit && tryInBand !== undefined)
    return tryInBand.replace('{address}', `${reachable(host)}:${port}`);
  return [
    'openssl s_client',
    ...(implicit ? [] : [`-starttls ${protocol.sClientName ?? protocol.name}`]),
    host.startsWith('/') ? `-unix ${shellQuoted(host)}` : `-connect ${reachable(host)}:${port}`,
    ...(implicit && protocol.implicitRequiresAlpn === true ? [`-alpn ${protocol.alpn?.[0]}`] : []),
    ...(caFile === undefined ? [] : [`-CAfile ${shellQuoted(caFile)}`]),
  ].join(' ');
}

function reachable(host: string): string {
  if (/^(127\..*|0\.0\.0\.0|::|::1|localhost)$/.test(host)) return 'localhost';
  return isIPv6(host) ? `[${host}]` : host;
}

function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
