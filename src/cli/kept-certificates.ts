import { readFile } from 'node:fs/promises';
import type { CertificateSource } from '../certificates/certificate-source.ts';
import { CertificateStore } from '../certificates/certificate-store.ts';
import { SallyportError, unreadable } from '../errors.ts';
import type { Log } from '../log.ts';
import { developmentCertificate } from '../net/development-authority.ts';
import { TicketKeys } from '../net/ticket-keys.ts';
import type { TlsOptions } from '../options.ts';
import type { Server } from '../server.ts';
import { type AcmeArguments, AcmeService } from './acme-service.ts';

export interface CertificateArguments extends AcmeArguments {
  /** The first one is for clients that ask for no name of another. */
  readonly cert?: readonly string[];
  /** As many as certificates, or none. */
  readonly key?: readonly string[];
  readonly certDirectory?: readonly string[];
  readonly passphraseFile?: string;
  readonly strictSni?: true;
  readonly ocsp?: boolean;
  readonly ticketSecret?: string;
  readonly ca?: string;
  readonly crl?: readonly string[];
  readonly clientCert: 'none' | 'request' | 'require';
  readonly clientSubject?: readonly string[];
}

interface Parts {
  readonly store: CertificateStore;
  readonly others: Omit<TlsOptions, 'certificate'>;
  readonly log: Log;
  readonly caFile: string | undefined;
  readonly acme: AcmeService | undefined;
}

/** The certificates that the command line names, or the one for development, and how they are used. */
export class KeptCertificates {
  /** What clients have to trust, where the certificate is one for development. */
  readonly caFile: string | undefined;
  readonly #store: CertificateStore;
  readonly #others: Omit<TlsOptions, 'certificate'>;
  readonly #log: Log;
  readonly #acme: AcmeService | undefined;

  private constructor({ store, others, log, caFile, acme }: Parts) {
    this.#store = store;
    this.#others = others;
    this.#log = log;
    this.caFile = caFile;
    this.#acme = acme;
  }

  /** Rejects with ERR_OPTION where options do not go together, and with ERR_CERTIFICATE. */
  static async open(options: CertificateArguments, log: Log): Promise<KeptCertificates> {
    const { ca, crl } = options;
    const files = sourcesOf(options);
    const others = await othersOf(options);
    const acme = await AcmeService.open(options, log);
    const named = acme === undefined ? files : [...files, acme.source];
    const own = named.length === 0 ? await developmentCertificate() : undefined;
    const sources = own === undefined ? named : [{ cert: own.file }];
    const trust = { ...(ca === undefined ? {} : { ca }), ...(crl === undefined ? {} : { crl }) };
    const store = await CertificateStore.open({ sources, log, ocsp: options.ocsp ?? true, ...trust });
    return new KeptCertificates({ store, others, log, caFile: own?.caFile, acme });
  }

  /** All options of TLS, as the files are now. */
  get tls(): TlsOptions {
    return { ...this.#others, ...this.#store.current };
  }

  /**
   * From now on the servers have what is new: as soon as files change, at SIGHUP, and, when they listen, from an ACME
   * authority. Throws ERR_OPTION where none of them can answer it.
   */
  renew(servers: readonly Server[]): void {
    this.#acme?.serve(servers, () => void this.#store.check());
    this.#store.on('changed', () => {
      for (const server of servers) this.#replace(server);
    });
    process.on('SIGHUP', () => void this.#reload());
    this.#store.watch();
  }

  async #reload(): Promise<void> {
    const changed = await this.#store.check();
    this.#log.info({ signal: 'SIGHUP', changed }, 'certificates reloaded');
  }

  #replace(server: Server): void {
    try {
      server.replaceTls(this.tls);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error({ protocol: server.protocol.name, reason }, 'certificates not replaced');
    }
  }
}

function sourcesOf(options: CertificateArguments): readonly CertificateSource[] {
  const { cert: certs = [], key: keys = [], certDirectory = [], passphraseFile } = options;
  if (certs.length === 0 && keys.length > 0) throw new SallyportError('ERR_OPTION', '--key needs --cert');
  if (keys.length > 0 && keys.length !== certs.length) {
    throw new SallyportError('ERR_OPTION', 'with several --cert, --key is for each of them or for none');
  }
  const opened = passphraseFile === undefined ? {} : { passphraseFile };
  const pairs = certs.map((cert, index) => {
    const key = keys[index];
    return { cert, ...(key === undefined ? {} : { key }), ...opened };
  });
  return [...pairs, ...certDirectory.map(directory => ({ directory, ...opened }))];
}

async function othersOf(options: CertificateArguments): Promise<Omit<TlsOptions, 'certificate'>> {
  const { clientCert: clientCertificate, clientSubject, strictSni, ticketSecret, ca } = options;
  if (clientCertificate !== 'none' && ca === undefined) {
    throw new SallyportError('ERR_OPTION', `--client-cert ${clientCertificate} needs --ca`);
  }
  if (options.crl !== undefined && ca === undefined)
    throw new SallyportError('ERR_OPTION', '--crl needs --ca');
  if (clientSubject !== undefined && clientCertificate !== 'require') {
    throw new SallyportError('ERR_OPTION', '--client-subject needs --client-cert require');
  }
  return {
    clientCertificate,
    ...(clientSubject === undefined ? {} : { clientSubjects: clientSubject }),
    ...(strictSni === undefined ? {} : { unknownName: 'refuse' }),
    ...(ticketSecret === undefined ? {} : { ticketKeys: await ticketKeysOf(ticketSecret) }),
  };
}

async function ticketKeysOf(file: string): Promise<TicketKeys> {
  try {
    return new TicketKeys({ secret: await readFile(file) });
  } catch (cause) {
    if (cause instanceof SallyportError)
      throw new SallyportError('ERR_OPTION', `--ticket-secret: ${file}: has less than 32 bytes`);
    throw new SallyportError('ERR_OPTION', `--ticket-secret: ${file}: ${unreadable(cause)}`, { cause });
  }
}
