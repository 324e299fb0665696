import type { Socket } from 'node:net';
import type { ProxyHeader } from '../wire/proxy-header.ts';
import type { RemoteAddress } from './session.ts';

/** Whose connection it is. */
export interface Ends {
  /** The client. */
  readonly remote: RemoteAddress;
  /** The address that the client connected to. */
  readonly local: RemoteAddress;
}

/** As the system has it; a Unix socket has no addresses. */
export function endsOf({
  remoteAddress = '',
  remotePort = 0,
  localAddress = '',
  localPort = 0,
}: Socket): Ends {
  return {
    remote: { address: remoteAddress, port: remotePort },
    local: { address: localAddress, port: localPort },
  };
}

/** As a PROXY header has it; `undefined` where it names nobody. */
export function endsByHeader({ endpoints }: ProxyHeader): Ends | undefined {
  return endpoints && { remote: endpoints.source, local: endpoints.destination };
}
