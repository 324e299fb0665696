import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Action } from '../dialogue/action.ts';
import type { Scene } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import type { TlsTerminator } from './terminator.ts';
import { upgrade } from './upgrade.ts';

export interface TlsService {
  readonly options: ResolvedOptions;
  readonly scene: Scene;
  readonly terminator: TlsTerminator;
}

/** TLS from the first byte on; `early` are the bytes of it that have been read and are not in the socket. */
export function startImplicitTls(raw: Socket, service: TlsService, early: Uint8Array): Promise<TLSSocket> {
  return upgrade(raw, { ...common(service), early });
}

/** The upgrade that a dialogue asks for; it is refused, in the protocol's words, where something is unread. */
export function startTls(
  raw: Socket,
  service: TlsService,
  { goAhead, early, skipWhitespace, servername }: Extract<Action, { kind: 'upgrade' }>,
): Promise<TLSSocket> {
  const { options, scene } = service;
  const unread = raw.readableLength > 0;
  const error = unread ? new SallyportError('ERR_PLAINTEXT_AFTER_UPGRADE') : undefined;
  const refusal = error === undefined ? undefined : options.protocol.farewell(error, scene);
  return upgrade(raw, {
    ...common(service),
    goAhead,
    skipWhitespace,
    ...(early === undefined ? {} : { early }),
    ...(servername === undefined ? {} : { servername }),
    ...(refusal === undefined ? {} : { refusal }),
  });
}

function common({ options, terminator }: TlsService) {
  const { handshakeTimeout, plaintextAfterUpgrade } = options;
  return { terminator, handshakeTimeout, plaintextAfterUpgrade };
}
