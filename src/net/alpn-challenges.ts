import * as tls from 'node:tls';
import type { Certificate } from '../options.ts';
import type { ClientHello } from '../wire/client-hello.ts';

const ALPN = 'acme-tls/1';

/** Answers TLS-ALPN-01 challenges of an ACME authority (RFC 8737): a handshake with a certificate of its own, and no more. */
export class AlpnChallenges {
  readonly #servers = new Map<string, tls.Server>();
  readonly #over: (secure: tls.TLSSocket) => void;

  /** `over` is called when a handshake is, either way. */
  constructor(over: (secure: tls.TLSSocket) => void) {
    this.#over = over;
  }

  get pending(): boolean {
    return this.#servers.size > 0;
  }

  set(name: string, certificate: Certificate | undefined): void {
    this.#servers.delete(name.toLowerCase());
    if (certificate === undefined) return;
    const server = tls.createServer({ ...certificate, ALPNProtocols: [ALPN], minVersion: 'TLSv1.2' });
    server.on('secureConnection', this.#over);
    server.on('tlsClientError', (_, secure) => this.#over(secure));
    this.#servers.set(name.toLowerCase(), server);
  }

  /** The server for a ClientHello that offers this one protocol (section 3), if its name has a challenge. */
  for(hello: ClientHello | undefined): tls.Server | undefined {
    if (hello?.servername === undefined || hello.alpn.length !== 1 || hello.alpn[0] !== ALPN)
      return undefined;
    return this.#servers.get(hello.servername.toLowerCase());
  }
}
