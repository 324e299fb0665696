import { writeFile } from 'node:fs/promises';
import { issueCertificate } from '../../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../../src/options.ts';

/** A certificate for localhost, and files of it that daemons read. */
export interface Identity extends Certificate {
  /** PEM of the authority. */
  readonly ca: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Issues a certificate by an authority of its own; the files are in the directory of the one who asks. */
export async function issueIdentity(place: { path(name: string): string }): Promise<Identity> {
  const authority = await issueCertificate({ commonName: 'Interop CA', days: 90, usage: 'authority' });
  const names = ['localhost', '127.0.0.1', '::1'];
  const own = await issueCertificate({ commonName: 'localhost', days: 60, names }, authority);
  const file = async (name: string, text: string, mode: number) => {
    await writeFile(place.path(name), text, { mode });
    return place.path(name);
  };
  return {
    ...own,
    ca: authority.cert,
    caFile: await file('ca.pem', authority.cert, 0o644),
    certFile: await file('cert.pem', own.cert, 0o644),
    keyFile: await file('key.pem', own.key, 0o600),
  };
}
