import type { Duplex } from 'node:stream';
import type * as tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import type { Certificate, StapleSource, TicketKeySource, TlsOptions } from '../options.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { printable } from '../wire/printable.ts';
import { AlpnChallenges } from './alpn-challenges.ts';
import { farewellTo } from './farewell.ts';
import { handshakeFailure } from './handshake-failure.ts';
import { readHello } from './read-hello.ts';
import { TicketKeys } from './ticket-keys.ts';
import { keepTlsFacts } from './tls-facts.ts';
import { type HandshakeReport, TlsServers } from './tls-servers.ts';

/** The alert unrecognized_name, fatal, as a record in plaintext (RFC 6066 section 3, RFC 8446 section 6). */
const UNRECOGNIZED_NAME = String.fromCharCode(21, 3, 3, 0, 2, 2, 112);

interface Handshake {
  readonly resolve: (secure: tls.TLSSocket) => void;
  readonly reject: (error: SallyportError) => void;
  readonly timer: NodeJS.Timeout;
  readonly gone: () => void;
}

/**
 * Terminates TLS on sockets that it is given. The secure contexts are built once and shared by all of them: one
 * for each connection costs 3.4 times the CPU and ends resumption.
 *
 * Beneath is a `tls.Server` that never listens and is fed by its documented `connection` event: unlike a bare
 * `TLSSocket`, it refuses untrusted client certificates, and errors after the handshake do surface.
 */
export class TlsTerminator {
  readonly #handshakes = new Map<Duplex, Handshake>();
  readonly #challenges = new AlpnChallenges(secure => this.#challenged(secure));
  #servers: TlsServers;
  #ticketKeys: TicketKeySource;
  #staples: StapleSource | undefined;

  /** Throws ERR_CERTIFICATE for a key that is not its certificate's, and for what OpenSSL does not take. */
  constructor(options: TlsOptions) {
    this.#ticketKeys = options.ticketKeys ?? new TicketKeys();
    this.#staples = options.staples;
    this.#servers = new TlsServers({ ...options, ticketKeys: this.#ticketKeys }, this.#report());
  }

  /**
   * Other certificates and other options, from the next handshake on: those under way end with the old ones, and
   * sessions go on. The options are the whole of them: what is left out has its default again, but for the ticket keys,
   * which are kept. Tickets are taken as before, unless it has changed what a client must show to be let in. Throws as
   * the constructor does, and changes nothing then.
   */
  replace(options: TlsOptions): void {
    this.prepare(options)();
  }

  /** Makes all that `replace` needs; the function that it returns puts it in force, and cannot fail. */
  prepare(options: TlsOptions): () => void {
    const ticketKeys = options.ticketKeys ?? this.#ticketKeys;
    const kept = ticketKeys === this.#ticketKeys && options.staples === this.#staples;
    const servers = new TlsServers(
      { ...options, ticketKeys },
      this.#report(),
      kept ? this.#servers : undefined,
    );
    return () => {
      this.#servers = servers;
      this.#staples = options.staples;
      this.#ticketKeys = ticketKeys;
    };
  }

  /**
   * Has clients that offer only `acme-tls/1` by ALPN, and ask for this name, meet this certificate (RFC 8737); with
   * `undefined` no longer. Their handshakes are rejected with ERR_HANDSHAKE_CHALLENGE when they are done.
   */
  answerChallenge(name: string, certificate: Certificate | undefined): void {
    this.#challenges.set(name, certificate);
  }

  /** Handshakes under way. */
  get pending(): number {
    return this.#handshakes.size;
  }

  /**
   * Does the handshake within `timeout` ms. With one certificate the socket is wrapped in this very tick; with several,
   * the ClientHello is read first. Bytes in the socket's own read buffer go to TLS. `name` chooses the certificate
   * where the client's SNI does not. Rejects with one typed reason; the socket is destroyed then.
   */
  accept(socket: Duplex, timeout: number, name?: string): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#failed(socket, new SallyportError('ERR_HANDSHAKE_TIMEOUT'));
        socket.destroy();
      }, timeout);
      // `close` is the only event that comes on every path; a TLS error that explains it comes in the same turn.
      const gone = () => {
        setImmediate(() => this.#failed(socket, new SallyportError('ERR_HANDSHAKE_PEER_GONE')));
      };
      this.#handshakes.set(socket, { resolve, reject, timer, gone });
      socket.once('close', gone);
      if (!this.#servers.dependOnHello && !this.#challenges.pending) this.#wrap(socket, undefined, name);
      else readHello(socket, hello => this.#wrap(socket, hello, name));
    });
  }

  #wrap(socket: Duplex, hello: ClientHello | undefined, name: string | undefined): void {
    const server = this.#challenges.for(hello) ?? this.#servers.for(hello, name);
    if (server === undefined) this.#refuseName(socket, hello?.servername ?? name);
    else server.emit('connection', socket);
  }

  #refuseName(socket: Duplex, name = ''): void {
    this.#failed(socket, new SallyportError('ERR_HANDSHAKE_NAME', printable(name)));
    farewellTo(socket, UNRECOGNIZED_NAME);
  }

  #report(): HandshakeReport {
    return {
      done: secure => this.#done(secure),
      failed: (error, secure) => {
        const socket = rawSocket(secure);
        this.#failed(socket, error instanceof SallyportError ? error : handshakeFailure(error, secure));
        // Node only reports (a timeout, an alert): without this the socket stays open for ever.
        secure.destroy();
        socket.destroy();
      },
    };
  }

  #done(secure: tls.TLSSocket): void {
    const handshake = this.#take(rawSocket(secure));
    keepTlsFacts(secure);
    // After the handshake, too, Node only reports: a corrupt record would leave a zombie.
    secure.on('error', () => secure.destroy());
    if (handshake === undefined) secure.destroy();
    // Node tells of a TLS 1.3 handshake from within OpenSSL: who ended the stream before that has returned would get a
    // FIN without close_notify.
    else setImmediate(() => handshake.resolve(secure));
  }

  /** RFC 8737 section 3: the connection ends with the handshake. */
  #challenged(secure: tls.TLSSocket): void {
    this.#failed(rawSocket(secure), new SallyportError('ERR_HANDSHAKE_CHALLENGE'));
    secure.on('error', () => secure.destroy());
    setImmediate(() => farewellTo(secure));
  }

  #failed(socket: Duplex, error: SallyportError): void {
    this.#take(socket)?.reject(error);
  }

  #take(socket: Duplex): Handshake | undefined {
    const handshake = this.#handshakes.get(socket);
    if (handshake === undefined) return undefined;
    this.#handshakes.delete(socket);
    clearTimeout(handshake.timer);
    socket.off('close', handshake.gone);
    return handshake;
  }
}

/**
 * The socket beneath, or the stream. `_parent` and `_parentWrap` are internal to Node and have been there since
 * versions 0.12 and 8; nothing public leads from a `secureConnection` back to what was fed in (tests hold it on
 * each Node we support).
 */
function rawSocket(secure: tls.TLSSocket): Duplex {
  const { _parent, ssl } = secure as unknown as Internals; // not in the types, see above
  return _parent ?? ssl._parentWrap.stream;
}

interface Internals {
  readonly _parent: Duplex | null;
  readonly ssl: { readonly _parentWrap: { readonly stream: Duplex } };
}
