import { Buffer } from 'node:buffer';
import { BlockList, isIP, type Socket } from 'node:net';
import { SallyportError } from '../errors.ts';
import { type ProxyHeader, readProxyHeader } from '../wire/proxy-header.ts';

/** The networks from which connections begin with a PROXY header. */
export class ProxyNetworks {
  readonly #networks = new BlockList();
  #unix = false;

  /** Of addresses, of networks as `192.0.2.0/24`, and of `unix:` for all Unix sockets. Throws ERR_OPTION. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      if (network === 'unix:') this.#unix = true;
      else this.#add(network);
    }
  }

  /** Whether the other end of a connection is one of them. */
  has(socket: Socket): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return this.#unix;
    // A socket for both families shows IPv4 in the form of IPv6.
    const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
    return this.#networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  #add(network: string): void {
    const [address = '', bits, ...more] = network.split('/');
    const family = isIP(address);
    const most = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : Number(bits);
    if (family === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > most) {
      throw new SallyportError('ERR_OPTION', `proxyFrom: "${network}" is neither an address nor a network`);
    }
    this.#networks.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
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
