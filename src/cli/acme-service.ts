import { once } from 'node:events';
import { join } from 'node:path';
import type { Command } from 'commander';
import { AcmeCertificates } from '../acme/acme-certificates.ts';
import { LETS_ENCRYPT } from '../acme/acme-options.ts';
import type { CertificateSource } from '../certificates/certificate-source.ts';
import { SallyportError } from '../errors.ts';
import type { Log } from '../log.ts';
import { ChallengeListener } from '../net/challenge-listener.ts';
import { stateDirectory } from '../net/development-authority.ts';
import type { DialTarget } from '../net/dial.ts';
import type { Server } from '../server.ts';
import { address } from './address.ts';
import { each } from './argument.ts';

export interface AcmeArguments {
  /** The names of each certificate, separated by commas. */
  readonly acme?: readonly string[];
  readonly acmeAgree?: true;
  readonly acmeAuthority?: string;
  readonly acmeContact?: string;
  readonly acmeFolder?: string;
  readonly acmeHttp?: DialTarget;
}

export function addAcmeOptions(command: Command): Command {
  return command
    .option('--acme <names>', 'get a certificate for these names, with commas between; may come again', each)
    .option('--acme-agree', "agree to the authority's terms of service")
    .option('--acme-authority <url>', `directory of the authority (default: ${LETS_ENCRYPT})`)
    .option('--acme-contact <address>', 'mail address for the authority')
    .option(
      '--acme-folder <path>',
      'where to keep account and certificates (default: acme in the state folder)',
    )
    .option(
      '--acme-http <address>',
      'answer by HTTP-01 here, port 80 to the authority (default: by TLS-ALPN-01, port 443)',
      address,
    );
}

/** Certificates from an ACME authority, as the command line asks for them. */
export class AcmeService {
  readonly #certificates: AcmeCertificates;
  readonly #http: ChallengeListener | undefined;

  private constructor(certificates: AcmeCertificates, http: ChallengeListener | undefined) {
    this.#certificates = certificates;
    this.#http = http;
  }

  /** `undefined` where none is asked for. Rejects with ERR_OPTION, ERR_CERTIFICATE and ERR_LISTEN. */
  static async open(options: AcmeArguments, log: Log): Promise<AcmeService | undefined> {
    const { acme, acmeAgree, acmeAuthority, acmeContact, acmeHttp } = options;
    if (acme === undefined) return undefined;
    if (acmeAgree === undefined) throw new SallyportError('ERR_OPTION', '--acme needs --acme-agree');
    const certificates = await AcmeCertificates.open({
      names: acme.map(names => names.split(',')),
      folder: options.acmeFolder ?? join(stateDirectory(), 'acme'),
      termsAgreed: true,
      log,
      ...(acmeAuthority === undefined ? {} : { authority: acmeAuthority }),
      ...(acmeContact === undefined ? {} : { contact: acmeContact }),
    });
    if (acmeHttp === undefined) return new AcmeService(certificates, undefined);
    const http = new ChallengeListener();
    const where = await http.listen(acmeHttp);
    log.info({ ...where }, 'listening for challenges');
    return new AcmeService(certificates, http);
  }

  get source(): CertificateSource {
    return this.#certificates.source;
  }

  /** Begins when all servers listen; `issued` is called for each certificate. Throws ERR_OPTION where none can answer. */
  serve(servers: readonly Server[], issued: () => void): void {
    const able = servers.filter(({ options: { tls } }) => tls === 'implicit' || tls === 'auto');
    if (this.#http === undefined && able.length === 0) {
      throw new SallyportError('ERR_OPTION', '--acme needs --acme-http, or --tls implicit or auto');
    }
    this.#certificates.on('issued', issued);
    const answerers = this.#http === undefined ? { servers: able } : { http: this.#http };
    void Promise.all(servers.map(server => once(server, 'listening'))).then(() =>
      this.#certificates.start(answerers),
    );
  }
}
