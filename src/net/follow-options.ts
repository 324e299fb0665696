import { isIPv4, type Socket } from 'node:net';
import type { Protocol, Scene } from '../dialogue/protocol.ts';
import type { ResolvedOptions } from '../options.ts';
import type { DataOptions } from './data-options.ts';
import { plainAddress } from './data-port.ts';
import type { FollowOptions } from './follow.ts';
import type { RemoteAddress } from './session.ts';
import type { TlsTerminator } from './terminator.ts';

export type Follow = NonNullable<Protocol['follow']>;

interface Service {
  readonly options: ResolvedOptions;
  readonly scene: Scene;
  readonly terminator: TlsTerminator;
}

interface Sides {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Whose connection it is: the client's, or what a PROXY header has said. */
  readonly remote: RemoteAddress;
  /** The name that the client has asked for. */
  readonly servername?: string | undefined;
  readonly unread?: Uint8Array | undefined;
  readonly answer?: Uint8Array | undefined;
  readonly draining: AbortSignal;
  readonly data: DataOptions;
}

/** All that `follow` needs, once the upstream is there. */
export function followOptions(follow: Follow, service: Service, sides: Sides): FollowOptions {
  const { options, scene, terminator } = service;
  const { unread = new Uint8Array(), answer, draining, data } = sides;
  const local = plainAddress(sides.client.localAddress);
  const client = plainAddress(sides.remote.address);
  // In plaintext, data would be worth less than a control connection under TLS.
  const hasData = !('encrypted' in sides.upstream);
  const upstream = hasData ? plainAddress(sides.upstream.remoteAddress) : '';
  const follower = follow({
    hostname: scene.hostname,
    secure: 'encrypted' in sides.client,
    policy: scene.policy,
    client: client === '' ? undefined : client,
    announced: (isIPv4(client) ? data.address : undefined) ?? local,
    upstream: upstream === '' ? undefined : upstream,
  });
  const { idleTimeout, handshakeTimeout } = options;
  const { servername } = sides;
  const surroundings = { options: data, terminator, handshakeTimeout, servername, local, client, upstream };
  return { follower, unread, answer, idleTimeout, draining, data: surroundings };
}
