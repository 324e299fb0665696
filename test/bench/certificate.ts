import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';

/** The environment variables that carry the one certificate to the servers. */
const CERT = 'SALLYPORT_BENCH_CERT';
const KEY = 'SALLYPORT_BENCH_KEY';

/** Issues the ECDSA P-256 certificate that all servers share; as the environment of their processes. */
export async function certificateEnvironment(): Promise<Readonly<Record<string, string>>> {
  const { cert, key } = await issueCertificate({
    commonName: 'localhost',
    days: 2,
    names: ['localhost', '127.0.0.1'],
  });
  return { [CERT]: cert, [KEY]: key };
}

/** The certificate, in a server's process. */
export function certificateOfEnvironment(): Certificate {
  const { [CERT]: cert, [KEY]: key } = process.env;
  if (cert === undefined || key === undefined) throw new Error('to be started by the benchmark');
  return { cert, key };
}
