import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as tls from 'node:tls';
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';

/** Where the authority looks, in the place of port 80 and 443 of the name. */
export interface Ports {
  http?: number;
  tls?: number;
}

type Answer = readonly [status: number, body: unknown, location?: string];

/**
 * An ACME authority (RFC 8555) that does what it has to, trusts every signature, and really looks at the challenges. The
 * interop suite has Pebble, which trusts none.
 */
export class AcmeAuthority {
  readonly ports: Ports = {};
  /** Every order that was made, by its names. */
  readonly orders: string[][] = [];
  /** From when to when certificates are valid, in days from now. */
  validity: readonly [number, number] = [-1, 90];
  /** What every request gets, while it is set. */
  failing: number | undefined;
  readonly #server: Server;
  readonly #root: Certificate;
  #proven = new Set<string>();
  #certificate = '';

  private constructor(root: Certificate) {
    this.#root = root;
    this.#server = createServer((request, response) => {
      void this.#respond(request).then(([status, body, location]) => {
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        response.writeHead(status, {
          'content-type': typeof body === 'string' ? 'application/pem-certificate-chain' : 'application/json',
          'replay-nonce': 'nonce',
          ...(location === undefined ? {} : { location }),
        });
        response.end(request.method === 'HEAD' ? '' : text);
      });
    });
  }

  static async listening(): Promise<AcmeAuthority> {
    const root = await issueCertificate({ commonName: 'ACME root', days: 3650, usage: 'authority' });
    const authority = new AcmeAuthority(root);
    await once(authority.#server.listen(0, '127.0.0.1'), 'listening');
    return authority;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #respond(request: IncomingMessage): Promise<Answer> {
    const { url } = this;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (this.failing !== undefined)
      return [this.failing, { type: 'urn:ietf:params:acme:error:serverInternal' }];
    const path = request.url ?? '';
    const [name = ''] = this.orders.at(-1) ?? [];
    if (path === '/') {
      const [newNonce, newAccount, newOrder] = ['nonce', 'account', 'order'].map(each => `${url}/${each}`);
      return [200, { newNonce, newAccount, newOrder }];
    }
    if (path === '/nonce') return [200, ''];
    if (path === '/account') return [201, { status: 'valid' }, `${url}/account/1`];
    const payload = payloadOf(Buffer.concat(chunks));
    if (path === '/order') this.#begin(payload);
    if (path.startsWith('/challenge/'))
      this.#proven = await this.#proof(name, path.slice('/challenge/'.length));
    if (path === '/finalize') this.#certificate = await this.#issue(String(payload['csr']));
    if (path.startsWith('/challenge/')) return [200, this.#challenge(path.slice('/challenge/'.length))];
    if (path === '/authorization') return [200, this.#authorization(name)];
    if (path === '/certificate') return [200, this.#certificate];
    return [path === '/order' ? 201 : 200, this.#order(), `${url}/order/1`];
  }

  #begin({ identifiers }: Record<string, unknown>): void {
    this.orders.push((identifiers as { value: string }[]).map(({ value }) => value)); // as the client sends it
    this.#proven = new Set();
    this.#certificate = '';
  }

  #order() {
    const { url } = this;
    const names = this.orders.at(-1) ?? [];
    return {
      status: this.#certificate !== '' ? 'valid' : this.#proven.size > 0 ? 'ready' : 'pending',
      identifiers: names.map(value => ({ type: 'dns', value })),
      authorizations: [`${url}/authorization`],
      finalize: `${url}/finalize`,
      certificate: `${url}/certificate`,
    };
  }

  #authorization(name: string) {
    const status = this.#proven.size > 0 ? 'valid' : 'pending';
    const challenges = ['http-01', 'tls-alpn-01'].map(type => this.#challenge(type));
    return { status, identifier: { type: 'dns', value: name }, challenges };
  }

  #challenge(type: string) {
    const status = this.#proven.has('bad') ? 'invalid' : this.#proven.has(type) ? 'valid' : 'pending';
    return { type, status, token: 'token', url: `${this.url}/challenge/${type}` };
  }

  async #proof(name: string, type: string): Promise<Set<string>> {
    const proven = type === 'http-01' ? await this.#looksByHttp(name) : await this.#looksByAlpn(name);
    return new Set([proven ? type : 'bad']);
  }

  async #looksByHttp(name: string): Promise<boolean> {
    const at = `http://127.0.0.1:${this.ports.http}/.well-known/acme-challenge/token`;
    const response = await fetch(at, { headers: { host: name } }).catch(() => undefined);
    return response?.status === 200 && /^token\.[\w-]{43}$/.test(await response.text());
  }

  async #looksByAlpn(servername: string): Promise<boolean> {
    const options = { port: this.ports.tls ?? 0, host: '127.0.0.1', ALPNProtocols: ['acme-tls/1'] };
    const secure = tls.connect({ ...options, servername, rejectUnauthorized: false });
    secure.on('error', () => secure.destroy());
    await Promise.race([once(secure, 'secureConnect'), once(secure, 'close')]).catch(() => undefined);
    const shown = secure.getPeerX509Certificate();
    const proof = shown && new x509.X509Certificate(shown.raw).getExtension('1.3.6.1.5.5.7.1.31');
    const proven = secure.alpnProtocol === 'acme-tls/1' && shown?.subjectAltName === `DNS:${servername}`;
    secure.destroy();
    return proven && proof?.critical === true;
  }

  async #issue(csr: string): Promise<string> {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const der = createPrivateKey(this.#root.key).export({ format: 'der', type: 'pkcs8' });
    const [from, to] = this.validity.map(days => new Date(Date.now() + days * 86_400_000));
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${this.orders.at(-1)?.[0]}, O=${this.orders.length}`,
      issuer: new x509.X509Certificate(this.#root.cert).subject,
      ...(from && to ? { notBefore: from, notAfter: to } : {}),
      publicKey: await request.publicKey.export(algorithm, ['verify']),
      signingKey: await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          (this.orders.at(-1) ?? []).map(value => ({ type: 'dns', value })),
        ),
      ],
    });
    return `${certificate.toString('pem')}\n${this.#root.cert}`;
  }
}

function payloadOf(body: Buffer): Record<string, unknown> {
  const { payload = '' } = body.length === 0 ? {} : JSON.parse(body.toString());
  return payload === '' ? {} : JSON.parse(Buffer.from(payload, 'base64url').toString());
}
