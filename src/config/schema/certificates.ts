import * as z from 'zod';
import { fileName, secret } from './values.ts';

/** The certificates of all listeners, or of one. */
export function certificatesSection() {
  return z
    .union([z.literal('development'), z.array(certificate()).min(1)])
    .describe(
      'Certificates: a client gets the one for the name that it asks for (SNI), else the first. `development` makes one ' +
        "for `localhost`, by an authority of the user's own.",
    )
    .meta({ form: 'a list of { cert, key }, or development' });
}

export type CertificatesSection = z.output<ReturnType<typeof certificatesSection>>;

/** One certificate with its key. */
export function certificate() {
  return z.strictObject({
    cert: fileName('a valid certificate and its chain, and its key where there is no "key", PEM').describe(
      'PEM file: the certificate, then its chain.',
    ),
    key: fileName('the key of the certificate, PEM')
      .exactOptional()
      .describe('PEM file with the key. Without it the key is in the file of `cert`.'),
    passphrase: secret().exactOptional().describe('Opens an encrypted key.'),
  });
}

/** What clients have to show. */
export function clientCertificatesSection() {
  return z
    .strictObject({
      policy: z
        .enum(['request', 'require'])
        .describe('`request` asks for a certificate, `require` lets in nobody without a valid one.'),
      ca: fileName('the authorities of client certificates, PEM').describe(
        'PEM file with the authorities whose client certificates are trusted.',
      ),
    })
    .describe('Certificates of clients. Without this section they are not asked for one.');
}
