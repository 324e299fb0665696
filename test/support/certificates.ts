import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';

export interface TestCertificates {
  readonly authority: Certificate;
  /** For localhost, 127.0.0.1 and ::1, by `authority`. */
  readonly server: Certificate;
  /** A client's, by `authority`. */
  readonly client: Certificate;
  /** A client's, by `authority`, that expired yesterday. */
  readonly expiredClient: Certificate;
  /** A client's that nobody vouches for. */
  readonly selfSignedClient: Certificate;
  /** A client's, by another authority. */
  readonly strangerClient: Certificate;
  /** A server's that expired yesterday. */
  readonly expiredServer: Certificate;
}

let made: Promise<TestCertificates> | undefined;

/** Made once for each test run. */
export function testCertificates(): Promise<TestCertificates> {
  made ??= make();
  return made;
}

async function make(): Promise<TestCertificates> {
  const authority = await issueCertificate({ commonName: 'Test authority', days: 3, usage: 'authority' });
  const stranger = await issueCertificate({ commonName: 'Strange authority', days: 3, usage: 'authority' });
  const names = ['localhost', '127.0.0.1', '::1'];
  const client = (days: number, by?: Certificate) =>
    issueCertificate({ commonName: 'alice', days, names: ['alice.example.org'], usage: 'client' }, by);
  return {
    authority,
    server: await issueCertificate({ commonName: 'localhost', days: 2, names }, authority),
    client: await client(2, authority),
    expiredClient: await client(-1, authority),
    selfSignedClient: await client(2),
    strangerClient: await client(2, stranger),
    expiredServer: await issueCertificate({ commonName: 'localhost', days: -1, names }, authority),
  };
}
