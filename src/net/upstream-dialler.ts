import type { Socket } from 'node:net';
import type { Protocol, Scene } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';
import type { Certificate } from '../options.ts';
import { dial, targetName } from './dial.ts';
import { openSecure } from './open-secure.ts';
import { proxyHeaderFor } from './proxy-values.ts';
import { type UpstreamAddress, UpstreamChoice } from './upstream-choice.ts';
import type { DialledUpstream, DialRequest } from './upstream-link.ts';

/** How an upstream turns TLS on, and what of it is believed. */
export interface UpstreamTls {
  /** TLS from the first byte, or by the protocol's own upgrade. */
  readonly mode: 'implicit' | 'upgrade';
  /** PEM of the authorities that are trusted. Default: those of Node. */
  readonly ca?: string;
  /** The name or address that the certificate must be for. Default: the upstream's own; a Unix socket has none. */
  readonly servername?: string;
  /** Whether the certificate must be valid. Default `true`. */
  readonly verify?: boolean;
  /** Our own certificate, for an upstream that asks for one. Default: none. */
  readonly clientCertificate?: Certificate;
}

export interface UpstreamDiallerOptions {
  readonly addresses: readonly UpstreamAddress[];
  readonly protocol: Protocol;
  readonly scene: Scene;
  /** To connect to one of them, in milliseconds. */
  readonly connectTimeout: number;
  /** For each of TLS and the dialogue up to it, in milliseconds. */
  readonly timeout: number;
  readonly tls: UpstreamTls | undefined;
  readonly sendProxy: 'v1' | 'v2' | undefined;
  /** No name was told, as a session of TLS 1.2 was resumed, and names choose: the default upstream has it. */
  readonly nameless: (request: DialRequest) => void;
}

/** Connects clients to the upstreams of a proxy: to the next one where one fails. */
export class UpstreamDialler {
  readonly #options: UpstreamDiallerOptions;
  readonly #choice: UpstreamChoice;

  /** Throws ERR_OPTION where a certificate would have to be for a name, and there is none. */
  constructor(options: UpstreamDiallerOptions) {
    const { tls, addresses } = options;
    const unnamed = tls !== undefined && tls.verify !== false && tls.servername === undefined;
    if (addresses.length === 0) throw new SallyportError('ERR_OPTION', 'a proxy needs an upstream');
    if (unnamed && addresses.some(address => 'path' in address)) {
      throw new SallyportError(
        'ERR_OPTION',
        'TLS to a Unix socket needs the name that its certificate is for',
      );
    }
    this.#options = options;
    this.#choice = new UpstreamChoice(addresses);
  }

  /** Rejects with ERR_UPSTREAM_UNREACHABLE, and the reason of each that was tried. */
  async dial(request: DialRequest): Promise<DialledUpstream> {
    const reasons: string[] = [];
    const name = request.tls?.servername;
    if (this.#choice.byName && name === undefined && request.tls?.resumed === true) {
      this.#options.nameless(request);
    }
    for (const address of this.#choice.inTurn(name)) {
      try {
        const dialled = await this.#open(address, request);
        this.#choice.succeeded(address);
        return dialled;
      } catch (error) {
        this.#choice.failed(address);
        reasons.push(reasonOf(address, error));
      }
    }
    throw new SallyportError('ERR_UPSTREAM_UNREACHABLE', reasons.join('; ') || 'none is for this name');
  }

  async #open(address: UpstreamAddress, request: DialRequest): Promise<DialledUpstream> {
    const { connectTimeout, sendProxy, tls, protocol } = this.#options;
    const socket = await dial(address, { timeout: connectTimeout });
    if (sendProxy !== undefined) socket.write(proxyHeaderFor(sendProxy, request));
    const name = targetName(address);
    const counts = () => ({ bytesIn: socket.bytesRead, bytesOut: socket.bytesWritten });
    if (tls === undefined) return { stream: socket, name, greeted: false, unread: new Uint8Array(), counts };
    const { stream, unread } = await this.#secure(socket, address, tls, request);
    const greeted = tls.mode === 'upgrade' && protocol.greetsAgain !== true;
    return { stream, name, greeted, unread, counts };
  }

  #secure(socket: Socket, address: UpstreamAddress, tls: UpstreamTls, { upgradeCommand }: DialRequest) {
    const { protocol, scene, timeout } = this.#options;
    const { mode, ca, verify, clientCertificate } = tls;
    const servername = tls.servername ?? ('host' in address ? address.host : undefined);
    return openSecure(socket, {
      protocol,
      scene: upgradeCommand === undefined ? scene : { ...scene, upgradeCommand },
      timeout,
      implicit: mode === 'implicit',
      untilTls: protocol.repliesUnderTls !== true,
      tls: {
        ...(servername === undefined ? {} : { servername }),
        ...(ca === undefined ? {} : { ca }),
        ...(verify === undefined ? {} : { verify }),
        ...(clientCertificate === undefined ? {} : { clientCertificate }),
      },
    });
  }
}

function reasonOf(address: UpstreamAddress, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.includes(targetName(address)) ? reason : `${targetName(address)}: ${reason}`;
}
