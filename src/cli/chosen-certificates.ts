import { SallyportError } from '../errors.ts';
import { loadCertificate } from '../net/certificates.ts';
import { developmentCertificate } from '../net/development-authority.ts';
import type { Certificate } from '../options.ts';

export interface CertificateArguments {
  /** The first one is for clients that ask for no name of another. */
  readonly cert?: readonly string[];
  /** As many as certificates, or none. */
  readonly key?: readonly string[];
  readonly passphraseFile?: string;
}

export interface ChosenCertificates {
  readonly certificate: Certificate;
  readonly certificates: readonly Certificate[];
  /** What clients have to trust, where the certificate is one for development. */
  readonly caFile?: string;
}

/**
 * The certificates that the command line names, or the one for development. Throws ERR_OPTION where the files do not
 * make pairs, and ERR_CERTIFICATE.
 */
export async function chosenCertificates(options: CertificateArguments): Promise<ChosenCertificates> {
  const { cert: certs = [], key: keys = [], passphraseFile } = options;
  if (certs.length === 0 && keys.length > 0) throw new SallyportError('ERR_OPTION', '--key needs --cert');
  if (keys.length > 0 && keys.length !== certs.length) {
    throw new SallyportError('ERR_OPTION', 'with several --cert, --key is for each of them or for none');
  }
  const loaded = await Promise.all(
    certs.map((cert, index) => {
      const key = keys[index];
      const files = { cert, ...(key === undefined ? {} : { key }) };
      return loadCertificate(passphraseFile === undefined ? files : { ...files, passphraseFile });
    }),
  );
  const [certificate, ...certificates] = loaded;
  if (certificate !== undefined) return { certificate, certificates };
  const { caFile, ...own } = await developmentCertificate();
  return { certificate: own, certificates: [], caFile };
}
