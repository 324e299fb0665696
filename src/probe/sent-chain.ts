import { X509Certificate } from 'node:crypto';
import { SallyportError } from '../errors.ts';
import type { Probing } from './probing.ts';

/**
 * The certificates in the order in which they came: TLS 1.2 sends them for everybody to see. `undefined` where the
 * server does not speak it, or what came is no certificate.
 */
export async function sentChain(probing: Probing): Promise<readonly X509Certificate[] | undefined> {
  try {
    const { certificates } = (await probing.version('TLSv1.2')).flight;
    return certificates.length === 0 ? undefined : certificates.map(der => new X509Certificate(der));
  } catch (error) {
    if (error instanceof SallyportError && error.blame === 'caller') throw error;
    return undefined;
  }
}
