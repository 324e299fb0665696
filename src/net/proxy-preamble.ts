import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { SallyportError } from '../errors.ts';
import { type ProxyHeader, readProxyHeader } from '../wire/proxy-header.ts';
import { Networks } from './networks.ts';

/** The networks from which connections begin with a PROXY header. */
export class ProxyNetworks {
  readonly #networks: Networks;

  /** Throws ERR_OPTION. */
  constructor(networks: readonly string[]) {
    this.#networks = new Networks(networks, 'proxyFrom');
  }

  /** Whether the other end of a connection is one of them. */
  has({ remoteAddress }: Socket): boolean {
    return this.#networks.has(remoteAddress);
  }
}

/** Whether a text is one that `ProxyNetworks` takes. */
export function isNetwork(text: string): boolean {
  try {
    return new ProxyNetworks([text]) instanceof ProxyNetworks;
  } catch {
    return false;
  }
}

/**
 * Reads the PROXY header with which a connection begins, within `timeout` ms; what lies behind it stays in the socket,
 * which is paused. Rejects with ERR_PROXY_HEADER, or ERR_PEER_CLOSED for one that says nothing, as health checks do;
 * whoever owns the socket closes it, without a word.
 */
export function readPreamble(socket: Socket, timeout: number): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const stop = () => {
      clearTimeout(timer);
      socket.off('data', hear).off('end', gone).off('close', gone).pause();
      // As if nobody had read yet: a stream that was paused by hand would not flow for the next listener. Read-only
      // in the types only.
      Reflect.set(socket, 'readableFlowing', null);
    };
    const fail = (error: unknown) => {
      stop();
      reject(error);
    };
    const gone = () => fail(new SallyportError(parts.length > 0 ? 'ERR_PROXY_HEADER' : 'ERR_PEER_CLOSED'));
    const hear = (data: Buffer) => {
      parts.push(data);
      try {
        const heard = Buffer.concat(parts);
        const read = readProxyHeader(heard);
        if (read === undefined) return;
        stop();
        const rest = heard.subarray(read.length);
        if (rest.length > 0) socket.unshift(rest);
        resolve(read.header);
      } catch (error) {
        fail(error);
      }
    };
    const timer = setTimeout(() => fail(new SallyportError('ERR_PROXY_HEADER', 'timeout')), timeout);
    socket.on('data', hear).on('end', gone).on('close', gone);
  });
}
