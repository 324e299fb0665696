import { BlockList, isIP } from 'node:net';
import { SallyportError } from '../errors.ts';

/** Addresses, networks as `192.0.2.0/24`, and `unix:` for all Unix sockets. */
export class Networks {
  readonly #networks = new BlockList();
  #unix = false;

  /** `option` is what an error names. Throws ERR_OPTION. */
  constructor(networks: readonly string[], option: string) {
    for (const network of networks) {
      if (network === 'unix:') this.#unix = true;
      else this.#add(network, option);
    }
  }

  /** Whether an address, as the system writes it, is in one of them; a Unix socket has none. */
  has(address: string | undefined): boolean {
    if (address === undefined || address === '') return this.#unix;
    // A socket for both families shows IPv4 in the form of IPv6.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    return this.#networks.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  }

  #add(network: string, option: string): void {
    const [address = '', bits, ...more] = network.split('/');
    const family = isIP(address);
    const most = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : Number(bits);
    if (family === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > most) {
      throw new SallyportError('ERR_OPTION', `${option}: "${network}" is neither an address nor a network`);
    }
    this.#networks.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
}
