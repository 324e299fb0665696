import { SallyportError } from './errors.ts';
import { type DialTarget, dial, targetName } from './net/dial.ts';
import { Spread } from './net/spread.ts';
import type { DialledUpstream, UpstreamService } from './net/upstream-link.ts';
import type { ServerOptions } from './options.ts';
import { Server, type Surroundings } from './server.ts';

export interface ProxyOptions extends ServerOptions {
  /** The upstream: the server that has no TLS, or not the one that clients need. */
  readonly to: DialTarget;
  /** To dial the upstream, and for each of its replies in the dialogue, in milliseconds. Default 30 s. */
  readonly upstreamTimeout?: number;
}

/** Defaults of a proxy where they are not those of a server: a session may be quiet for half an hour. */
export const proxyDefaults = { upstreamTimeout: 30_000, idleTimeout: 1_800_000 } as const;

/**
 * Makes a server that has its application behind it, on another connection: it speaks the protocol as far as TLS
 * is concerned, and passes the rest through. With the policy `required`, nothing is dialled before the handshake
 * is done. Throws ERR_OPTION and ERR_CERTIFICATE.
 */
export function createProxy(options: ProxyOptions & Omit<Surroundings, 'upstream'>): Server {
  const { to, upstreamTimeout, log, admission, ...own } = options;
  if (own.protocol.proxy === undefined) {
    throw new SallyportError('ERR_OPTION', `${own.protocol.name} has no proxy role`);
  }
  const upstream = upstreamOf(to, upstreamTimeout ?? proxyDefaults.upstreamTimeout);
  const surroundings = { upstream, ...(log && { log }), ...(admission && { admission }) };
  return new Server({ idleTimeout: proxyDefaults.idleTimeout, ...own }, undefined, surroundings);
}

function upstreamOf(to: DialTarget, timeout: number): UpstreamService {
  return { timeout, spread: new Spread(), dial: () => dialPlain(to, timeout) };
}

async function dialPlain(to: DialTarget, timeout: number): Promise<DialledUpstream> {
  try {
    const stream = await dial(to, { timeout });
    const counts = () => ({ bytesIn: stream.bytesRead, bytesOut: stream.bytesWritten });
    return { stream, name: targetName(to), greeted: false, unread: new Uint8Array(), counts };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError('ERR_UPSTREAM_UNREACHABLE', reason, { cause });
  }
}
