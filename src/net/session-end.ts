import type { TlsFacts } from '../dialogue/tls-facts.ts';
import type { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';
import { printable } from '../wire/printable.ts';
import type { Milestone } from './progress.ts';
import type { RemoteAddress } from './session.ts';

/** What is left to say of a connection when it is over: one event, one log line. */
export interface SessionEnd {
  readonly session: string;
  readonly protocol: string;
  readonly role: 'server' | 'proxy';
  readonly remote: RemoteAddress;
  /** From accepting to closing, in milliseconds. */
  readonly duration: number;
  /** How far it came. */
  readonly reached: Milestone;
  /** On the wire, TLS included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes of plaintext behind an upgrade command: dropped, or the reason to refuse. */
  readonly dropped: number;
  /** The upstream of a proxy that was dialled last, and the bytes on its wire; `undefined` if none was. */
  readonly upstream: UpstreamEnd | undefined;
  /** What the last handshake negotiated; `undefined` if there was none. */
  readonly tls: TlsFacts | undefined;
  /** Why it ended; `undefined` when it was simply over. */
  readonly error: SallyportError | undefined;
}

export interface UpstreamEnd {
  /** `host:port`, or a path. */
  readonly name: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Writes the one line of a session. What a peer said is escaped; whose fault the end is decides the level. */
export function logSessionEnd(log: Log, end: SessionEnd): void {
  const { error, tls } = end;
  const ours = error !== undefined && (error.blame === 'config' || error.blame === 'caller');
  const fields = {
    session: end.session,
    protocol: end.protocol,
    role: end.role,
    remote: `${end.remote.address}:${end.remote.port}`,
    duration: Math.round(end.duration),
    bytesIn: end.bytesIn,
    bytesOut: end.bytesOut,
    ...(end.upstream === undefined ? {} : upstreamFields(end.upstream)),
    ...(tls === undefined ? {} : tlsFields(tls)),
    ...(error === undefined
      ? {}
      : { code: error.code, blame: error.blame, reason: printable(error.message) }),
    ...(ours ? { err: error.cause ?? error } : {}),
  };
  if (ours) log.error(fields, 'session ended');
  else log.info(fields, 'session ended');
}

function upstreamFields({ name, bytesIn, bytesOut }: UpstreamEnd): Record<string, unknown> {
  return { upstream: name, upstreamIn: bytesIn, upstreamOut: bytesOut };
}

function tlsFields(tls: TlsFacts): Record<string, unknown> {
  return {
    tls: tls.version,
    cipher: tls.cipher,
    resumed: tls.resumed,
    ...(tls.servername === undefined ? {} : { servername: printable(tls.servername) }),
    ...(tls.alpn === undefined ? {} : { alpn: printable(tls.alpn) }),
    ...(tls.clientCertificate === undefined ? {} : { client: printable(tls.clientCertificate.subject) }),
  };
}
