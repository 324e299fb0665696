import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Scene } from '../dialogue/protocol.ts';
import type { ConnectTlsOptions } from '../net/connect-tls.ts';
import type { ResolvedProbeOptions } from './probe-options.ts';
import type { ProbeTarget } from './probe-target.ts';

/** The server that is probed, and what every connection to it has in common. */
export class Subject {
  readonly target: ProbeTarget;
  readonly options: ResolvedProbeOptions;
  /** The name that the certificate has to have. */
  readonly servername: string;
  readonly scene: Scene;
  /** Connections made so far. */
  connections = 0;

  constructor(target: ProbeTarget, options: ResolvedProbeOptions) {
    this.target = target;
    this.options = options;
    this.servername = options.servername ?? ('host' in target.address ? target.address.host : 'localhost');
    this.scene = {
      hostname: options.hostname,
      servername: this.servername,
      policy: 'required',
      takesImplicit: false,
      application: false,
      capabilities: [],
      available: () => true,
      token: () => randomBytes(12).toString('hex'),
    };
  }

  /** The name as SNI; an address is none (RFC 6066 section 3). */
  get sni(): string | undefined {
    return isIP(this.servername) === 0 ? this.servername : undefined;
  }

  /** What our TLS client wants: to see everything, so a bad certificate is for a check to find. */
  get tls(): Omit<ConnectTlsOptions, 'timeout'> {
    const { ca, clientCertificate } = this.options;
    return {
      servername: this.servername,
      verify: false,
      alpn: this.target.protocol.alpn ?? [],
      ...(ca === undefined ? {} : { ca }),
      ...(clientCertificate === undefined ? {} : { clientCertificate }),
    };
  }
}
