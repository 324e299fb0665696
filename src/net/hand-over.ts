import type { Socket } from 'node:net';
import type { SallyportError } from '../errors.ts';
import type { ConnectionState } from './connection-state.ts';
import type { HandOver } from './dialogue-run.ts';
import { type Follow, followOptions } from './follow-options.ts';
import type { RelayOptions } from './relay.ts';
import { runApplication } from './run-application.ts';
import type { Service } from './service.ts';
import { type Application, Session } from './session.ts';
import type { UpstreamSide } from './upstream-side.ts';

/** What takes part in a hand-over, and who hears of its end. */
export interface HandOverParts {
  readonly state: ConnectionState;
  readonly service: Service;
  /** The client's: under TLS, or the raw socket. */
  readonly stream: Socket;
  /** Where we are a proxy. */
  readonly upstream: UpstreamSide | undefined;
  /** It is over; with an error, the client can still be told. */
  ended(error?: SallyportError): void;
  /** It broke off: the client is told nothing. */
  broken(error: SallyportError): void;
}

/** Tells those who have the connection that we are asked to close. */
export type DrainSession = () => void;

/** Gives a connection whose dialogue is over to the application or, in a proxy, to the upstream. */
export function handOver(action: HandOver, parts: HandOverParts): DrainSession {
  const { application, options } = parts.service;
  if (application !== undefined) return toApplication(application, action, parts);
  const { unread, answer } = action;
  const relayOptions = { unread, answer, idleTimeout: options.idleTimeout };
  const { follow } = options.protocol;
  if (follow !== undefined) return followed(follow, relayOptions, parts);
  const { upstream, stream, ended, broken } = parts;
  upstream?.relay(stream, relayOptions).then(() => ended(), broken);
  return () => undefined;
}

function toApplication(
  application: Application,
  { unread, introduction }: HandOver,
  { state, service, stream, ended }: HandOverParts,
): DrainSession {
  const { hostname, idleTimeout, protocol } = service.options;
  const { id, tls } = state;
  const peer = state.ends.remote;
  const facts = { id, peer, stream, introduction, hostname, protocol: protocol.name, tls };
  const session = runApplication({ application, unread, idleTimeout, facts, ended });
  return () => Session.drain(session);
}

/** The upstream's, and read along line by line. */
function followed(follow: Follow, { unread, answer }: RelayOptions, parts: HandOverParts): DrainSession {
  const { state, service, stream, ended } = parts;
  const draining = new AbortController();
  const data = service.upstream?.data;
  if (data === undefined) return () => undefined;
  const session = {
    client: stream,
    remote: state.ends.remote,
    servername: state.tls?.servername,
    unread,
    answer,
    draining: draining.signal,
  };
  const side = parts.upstream?.follow(stream, upstream => {
    return followOptions(follow, service, { ...session, upstream, data });
  });
  side?.then(() => ended(), ended);
  return () => draining.abort();
}
