import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { protocols } from '../../../protocol/index.ts';
import type { Protocol } from '../../../src/dialogue/protocol.ts';
import { issueCertificate } from '../../../src/net/certificate-issuer.ts';
import type { Application } from '../../../src/net/session.ts';
import type { SessionEnd } from '../../../src/net/session-end.ts';
import type { Certificate, ServerOptions } from '../../../src/options.ts';
import { createServer, type Server } from '../../../src/server.ts';

export interface ServersOptions extends Partial<Omit<ServerOptions, 'protocol' | 'certificate'>> {
  readonly application?: Application;
}

/** Declares a server for each protocol of the registry, that run during the tests of the `describe` around. */
export function useServers(options: ServersOptions = {}): Servers {
  const servers = new Servers(options);
  before('servers start', () => servers.start());
  after('servers close', () => servers.close());
  return servers;
}

/** Servers on ports of 127.0.0.1, and a directory for the files that clients need. */
export class Servers {
  /** The authority of the servers' certificate, PEM. */
  ca = '';
  #directory: string | undefined;
  readonly #options: ServersOptions;
  readonly #servers = new Map<string, Server>();
  readonly #ends: SessionEnd[] = [];

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const certificate = await this.#certificate();
    const { application, ...options } = this.#options;
    for (const protocol of protocols) {
      const server = createServer({ hostname: 'localhost', ...options, protocol, certificate }, application);
      server.on('end', end => this.#ends.push(end));
      this.#servers.set(protocol.name, server);
      await server.listen({ host: '127.0.0.1', port: 0 });
    }
  }

  /** The file of `ca`. */
  get caFile(): string {
    return this.path('ca.pem');
  }

  /** An authority that has nothing to do with the servers. */
  get strangerFile(): string {
    return this.path('stranger.pem');
  }

  port(name: string): number {
    const port = this.#servers.get(name)?.address?.port;
    if (port === undefined) throw new Error(`no server for ${name}`);
    return port;
  }

  /** What the servers say of the sessions so far, after the last one has ended. */
  async ended(name: string): Promise<readonly SessionEnd[]> {
    const server = this.#servers.get(name);
    while (server !== undefined && server.connections > 0) {
      await new Promise<void>(resolve => server.once('end', () => resolve()));
    }
    return this.#ends.filter(({ protocol }) => protocol === name);
  }

  /** Writes a file into the directory; only its owner may read it, as clients want it of passwords. */
  file(name: string, text: string): string {
    const path = this.path(name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** A place in the directory, which goes when the servers close. */
  path(name: string): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'sallyport-interop-'));
    return join(this.#directory, name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(server => server.close({ within: 1000 })));
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  async #certificate(): Promise<Certificate> {
    const authority = await issueCertificate({ commonName: 'Interop CA', days: 1, usage: 'authority' });
    const stranger = await issueCertificate({ commonName: 'Stranger CA', days: 1, usage: 'authority' });
    const names = ['localhost', '127.0.0.1', '::1'];
    this.ca = authority.cert;
    this.file('ca.pem', authority.cert);
    this.file('stranger.pem', stranger.cert);
    return issueCertificate({ commonName: 'localhost', days: 1, names }, authority);
  }
}

/** Those of the registry that a client knows, by our names. */
export function protocolsNamed(...names: readonly string[]): readonly Protocol[] {
  return protocols.filter(({ name }) => names.includes(name));
}
