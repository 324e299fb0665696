import { capability, integer, LENGTH_LIMIT, packet } from './mysql-packet.ts';

export const UTF8MB4 = 0x2d;

/** What the clients of MySQL 9 still have; those of MariaDB have it as well. */
export const PLUGIN = 'caching_sha2_password';

/** What our client can do, without TLS. */
const OURS =
  capability.longPassword | capability.protocol41 | capability.secureConnection | capability.pluginAuth;

/** The payload of an SSLRequest, which is also how a HandshakeResponse41 begins. */
export function responseStart({ tls }: { readonly tls: boolean }): string {
  const capabilities = tls ? OURS | capability.ssl : OURS;
  return `${integer(capabilities, 4)}${integer(LENGTH_LIMIT, 4)}${integer(UTF8MB4, 1)}${'\0'.repeat(23)}`;
}

/** A HandshakeResponse41 that asks for a login without a name or a password. */
export function anonymousLogin(sequence: number, tls: { readonly tls: boolean }): string {
  return packet(sequence, `${responseStart(tls)}\0\0${PLUGIN}\0`);
}
