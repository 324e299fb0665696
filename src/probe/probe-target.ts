import { isIPv6 } from 'node:net';
import type { Protocol } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';
import { type DialTarget, targetName } from '../net/dial.ts';

/** A server that is to be probed. */
export interface ProbeTarget {
  readonly protocol: Protocol;
  /** Whether TLS comes first. */
  readonly implicit: boolean;
  readonly address: DialTarget;
}

/**
 * Reads a target's URL: `smtp://host`, `imap://host:port`, `imaps://host` for TLS from the first byte,
 * `lmtp:///path` for a Unix socket. The scheme is the name of one of `protocols`, with an `s` behind it for TLS that
 * comes first; an IPv6 address stands in brackets. Throws ERR_OPTION, which names the target and what is wrong.
 */
export function parseTarget(url: string, protocols: readonly Protocol[]): ProbeTarget {
  const fault = (what: string) => new SallyportError('ERR_OPTION', `target ${JSON.stringify(url)}: ${what}`);
  const parts = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url);
  if (parts === null) throw fault('not a URL like smtp://mail.example.org');
  const [, scheme = '', rest = ''] = parts;
  const { protocol, implicit } = protocolOf(scheme.toLowerCase(), protocols) ?? {};
  if (protocol === undefined || implicit === undefined) {
    throw fault(`unknown protocol; known are ${protocols.map(({ name }) => name).join(', ')}`);
  }
  if (/^\/[^\0]+$/.test(rest)) return { protocol, implicit, address: { path: rest } };
  const place = /^(\[([0-9a-f:.]+)\]|[^\s/?#@:[\]]+)(?::(\d{1,5}))?\/?$/i.exec(rest);
  if (place === null) throw fault('not host or host:port behind ://');
  const [, name = '', bracketed, given] = place;
  if (bracketed !== undefined && !isIPv6(bracketed)) throw fault(`[${bracketed}] is no IPv6 address`);
  const port = given === undefined ? usualPort(protocol, implicit) : Number(given);
  if (port === undefined) throw fault(`${protocol.name} has no usual port for TLS from the first byte`);
  if (port < 1 || port > 65_535) throw fault(`port ${port} is not from 1 to 65535`);
  return { protocol, implicit, address: { host: bracketed ?? name, port } };
}

/** The URL of a target, with its port. */
export function targetUrl({ protocol, implicit, address }: ProbeTarget): string {
  return `${protocol.name}${implicit ? 's' : ''}://${targetName(address)}`;
}

function protocolOf(scheme: string, protocols: readonly Protocol[]) {
  const plain = protocols.find(({ name }) => name === scheme);
  if (plain !== undefined) return { protocol: plain, implicit: false };
  const protocol = protocols.find(({ name }) => `${name}s` === scheme);
  return protocol === undefined ? undefined : { protocol, implicit: true };
}

function usualPort(protocol: Protocol, implicit: boolean): number | undefined {
  return implicit ? protocol.implicitPort : protocol.port;
}
