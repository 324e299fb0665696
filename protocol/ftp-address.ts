import { ipv4Bytes, ipv6Bytes } from '../src/wire/ip-address.ts';

/** An address and a port as PORT, EPRT, 227 and 229 have them. */
export interface DataAddress {
  readonly address: string;
  readonly port: number;
}

/** The argument of PORT (RFC 959 section 4.1.2): `192,0,2,1,195,80`; `undefined` for what is none. */
export function parsePort(argument: string): DataAddress | undefined {
  if (!/^\d{1,3}(,\d{1,3}){5}$/.test(argument)) return undefined;
  const numbers = argument.split(',').map(Number);
  const [high = 0, low = 0] = numbers.slice(4);
  if (numbers.some(number => number > 255)) return undefined;
  return { address: numbers.slice(0, 4).join('.'), port: high * 256 + low };
}

/** The argument of EPRT (RFC 2428 section 2): `|2|2001:db8::1|50000|`; `undefined` for what is none. */
export function parseExtendedPort(argument: string): (DataAddress & { readonly family: string }) | undefined {
  const [before, family, address, port, after, ...more] = argument.split(argument.charAt(0));
  if (before !== '' || after !== '' || more.length > 0 || !/^[\x21-\x7e]/.test(argument)) return undefined;
  if (family === undefined || address === undefined || !/^\d{1,5}$/.test(port ?? '')) return undefined;
  return { family, address, port: Number(port) };
}

/** The port of a reply to PASV (RFC 959 section 4.2) or EPSV (RFC 2428 section 3); whose address it names is ignored. */
export function parsePassivePort(code: number, text: string): number | undefined {
  if (code === 227) {
    const numbers = /\d{1,3}(,\d{1,3}){5}/.exec(text)?.[0];
    return validPort(numbers === undefined ? undefined : parsePort(numbers)?.port);
  }
  const digits = code === 229 ? /\(([\x21-\x7e])\1\1(\d{1,5})\1\)/.exec(text)?.[2] : undefined;
  return validPort(digits === undefined ? undefined : Number(digits));
}

function validPort(port: number | undefined): number | undefined {
  return port !== undefined && port > 0 && port <= 65_535 ? port : undefined;
}

/** `192,0,2,1,195,80` for the reply to PASV. */
export function passiveNumbers({ address, port }: DataAddress): string {
  return [...address.split('.'), port >> 8, port & 255].join(',');
}

/** The family by its number in RFC 2428 section 2: 1 is IPv4, 2 is IPv6. */
export function familyOf(address: string): '1' | '2' {
  return address.includes(':') ? '2' : '1';
}

/** Whether two texts are the same address; zones are left out of account. */
export function isSameAddress(one: string, other: string): boolean {
  const [first, second] = [addressBytes(one), addressBytes(other)];
  return first !== undefined && second !== undefined && first.equals(second);
}

/** What lftp says over IPv6: no address, so its own. */
export function isUnspecified(text: string): boolean {
  return addressBytes(text)?.every(byte => byte === 0) === true;
}

function addressBytes(text: string) {
  return ipv4Bytes(text) ?? ipv6Bytes(text.replace(/%.*$/, ''));
}
