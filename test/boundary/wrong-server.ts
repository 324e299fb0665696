import { constants } from 'node:crypto';
import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Certificate } from '../../src/options.ts';
import { WrongConnection } from './wrong-connection.ts';

/** Each of the mistakes that the small server can be told to make; one at a time. */
export const FAULTS = [
  'keep',
  'keep-partial',
  'race',
  'drop-listener-late',
  'no-pause',
  'no-deadline',
  'no-destroy-on-tlsClientError',
  'no-destroy-on-error',
  'setEncoding',
  'bare-TLSSocket mTLS',
  'reload-drops-options',
  'state-kept',
  'nested-upgrade',
  'no-resume-on-refuse',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface WrongServerOptions {
  readonly certificate: Certificate;
  readonly ca: string;
  readonly clientCertificate: 'none' | 'require';
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly handshakeTimeout: number;
  /** Absent: the server is right. */
  readonly fault?: Fault | undefined;
}

/**
 * A small SMTP server on `node:net` and `node:tls` alone, after the reference pattern (a `tls.Server` that
 * never listens). It is right by default; each fault takes one line of the pattern away, so that the checks
 * can be seen to notice.
 */
export class WrongServer {
  readonly options: WrongServerOptions;
  readonly #plain: net.Server;
  readonly #terminator: tls.Server;
  readonly #context: tls.SecureContext;
  /** By the client's port: what leads from a TLS socket back to its connection. */
  readonly #upgrading = new Map<number, WrongConnection>();

  constructor(options: WrongServerOptions) {
    this.options = options;
    this.#plain = net.createServer({ noDelay: true }, raw => new WrongConnection(raw, this));
    this.#terminator = tls.createServer(this.#tlsOptions(options.certificate));
    this.#context = tls.createSecureContext(this.#tlsOptions(options.certificate));
    this.#terminator.on('secureConnection', secure => this.#secured(secure));
    this.#terminator.on('tlsClientError', (_, secure) => {
      if (options.fault !== 'no-destroy-on-tlsClientError') secure.destroy();
    });
  }

  async listen(): Promise<number> {
    await once(this.#plain.listen(0, '127.0.0.1'), 'listening');
    return (this.#plain.address() as net.AddressInfo).port; // of a listening TCP server
  }

  reload(certificate: Certificate): void {
    const whole = this.#tlsOptions(certificate);
    this.#terminator.setSecureContext(
      this.options.fault === 'reload-drops-options' ? { ...certificate } : whole,
    );
  }

  /** Wraps the socket in this tick; `secured` of the connection follows. */
  upgrade(raw: net.Socket, connection: WrongConnection): void {
    const key = raw.remotePort ?? 0;
    this.#upgrading.set(key, connection);
    raw.once('close', () => this.#upgrading.delete(key));
    if (this.options.fault !== 'bare-TLSSocket mTLS') {
      this.#terminator.emit('connection', raw);
      return;
    }
    const { requestCert, rejectUnauthorized } = this.#tlsOptions(this.options.certificate);
    const secure = new tls.TLSSocket(raw, {
      isServer: true,
      secureContext: this.#context,
      requestCert,
      rejectUnauthorized,
    });
    secure.on('error', () => secure.destroy());
    secure.once('secure', () => this.#secured(secure));
  }

  #secured(secure: tls.TLSSocket): void {
    const connection = this.#upgrading.get(secure.remotePort ?? 0);
    if (this.options.fault !== 'no-destroy-on-error') secure.on('error', () => secure.destroy());
    if (connection === undefined) secure.destroy();
    else connection.secured(secure);
  }

  #tlsOptions(certificate: Certificate) {
    const { ca, clientCertificate, minVersion, handshakeTimeout, fault } = this.options;
    return {
      ...certificate,
      ca,
      minVersion,
      requestCert: clientCertificate === 'require',
      rejectUnauthorized: clientCertificate === 'require',
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      // Node only reports it, so the right server has a timer of its own.
      ...(fault === 'no-destroy-on-tlsClientError' ? { handshakeTimeout } : {}),
    };
  }
}
