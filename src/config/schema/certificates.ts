import * as z from 'zod';
import { fileName, oneOrMore, secret } from './values.ts';

/** The certificates of all listeners, or of one. */
export function certificatesSection() {
  return z
    .union([z.literal('development'), z.array(certificateSource()).min(1)])
    .describe(
      'Certificates: a client gets the one for the name that it asks for (SNI), else the first. They are watched, and what ' +
        "is renewed is put in force. `development` makes one for `localhost`, by an authority of the user's own.",
    )
    .meta({ form: 'a list of { cert, key } and { directory }, or development' });
}

export type CertificatesSection = z.output<ReturnType<typeof certificatesSection>>;

const SOURCE_FORM = '{ cert, key } or { directory }';

/** One certificate with its key, or a directory of such. */
export function certificateSource() {
  return z
    .strictObject({
      cert: fileName('a valid certificate and its chain, and its key where there is no "key", PEM')
        .exactOptional()
        .describe('PEM file: the certificate, then its chain.'),
      key: fileName('the key of the certificate, PEM')
        .exactOptional()
        .describe('PEM file with the key. Without it the key is in the file of `cert`.'),
      directory: z
        .string()
        .min(1)
        .exactOptional()
        .meta({ form: 'the name of a directory with certificates and their keys' })
        .describe(
          'In the place of `cert`: a directory with certificates and their keys, also as certbot, Caddy and Kubernetes lay it out.',
        ),
      passphrase: secret().exactOptional().describe('Opens an encrypted key, or those of a directory.'),
    })
    .transform(({ cert, key, directory, passphrase }, context) => {
      const opened = passphrase === undefined ? {} : { passphrase };
      if (cert !== undefined && directory === undefined) {
        return { cert, ...(key === undefined ? {} : { key }), ...opened };
      }
      if (directory !== undefined && cert === undefined && key === undefined) return { directory, ...opened };
      context.addIssue(
        directory === undefined
          ? { code: 'custom', message: SOURCE_FORM }
          : { code: 'custom', path: ['directory'], message: 'alone in an item, without "cert" and "key"' },
      );
      return z.NEVER;
    })
    .meta({ form: SOURCE_FORM, oneOf: [required('cert'), required('directory')] });
}

/** For editors: the words are what a person needs. */
function required(key: string) {
  return { type: 'object', properties: { [key]: {} }, required: [key] };
}

export type SourceSection = z.output<ReturnType<typeof certificateSource>>;

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
      crl: oneOrMore(fileName('revocation lists that are not out of date, PEM'))
        .exactOptional()
        .meta({
          form: 'the name of a file with revocation lists that are not out of date, PEM, or a list of these',
        })
        .describe('PEM files with their revocation lists: one for each authority, the root included.'),
      subjects: z
        .array(subject())
        .min(1)
        .exactOptional()
        .meta({ form: 'a list of names, in which * may stand for one label' })
        .describe(
          'With `require`, who is let in: common names and subject alternative names; `*` is one label. Without it everybody whom `ca` vouches for.',
        ),
    })
    .describe('Certificates of clients. Without this section they are not asked for one.');
}

export type ClientCertificatesSection = z.output<ReturnType<typeof clientCertificatesSection>>;

function subject() {
  return z.string().min(1).meta({ form: 'a name, in which * may stand for one label' });
}

/** In bytes. */
export const LEAST_SECRET = 32;

/** The secret of session tickets, as bytes or where to find them. */
export function ticketSecret() {
  return z
    .union([
      z.string().min(LEAST_SECRET),
      z.strictObject({ file: fileName(`${LEAST_SECRET} random bytes or more`) }),
    ])
    .describe(
      "Makes the keys of session tickets, together with the time: servers that have the same one take each other's tickets. " +
        'Without it each listener has keys of its own. Of a file all bytes count.',
    )
    .meta({
      form: `'\${NAME}', which is a variable of the environment with ${LEAST_SECRET} characters or more, or { file: PATH }`,
      writeOnly: true,
    });
}

export type TicketSecretSection = z.output<ReturnType<typeof ticketSecret>>;
