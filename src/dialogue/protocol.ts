import type { SallyportError } from '../errors.ts';
import type { Audit } from './audit.ts';
import type { FollowedSession, Follower } from './follower.ts';
import type { Dialogue, Peer } from './peer.ts';

/**
 * A wire protocol's in-band TLS, as one value. Its functions are generators: they do no I/O, the program
 * counter is the state, and every role plays the same dialogue.
 */
export interface Protocol {
  readonly name: string;
  /** What `openssl s_client -starttls` calls the same dialogue. Default: the name. */
  readonly sClientName?: string;
  /**
   * A command that shows the upgrade, where no `openssl s_client -starttls` does; `{address}` stands for host and
   * port. What TLS from the first byte takes is shown by s_client in any case. Default: s_client knows it.
   */
  readonly tryInBand?: string;
  /**
   * The policy of the command where none is asked for: `auto` for a protocol whose usual clients know TLS from
   * the first byte alone. Default `required`.
   */
  readonly usualPolicy?: 'required' | 'auto';
  /** The port for plaintext and the upgrade, as IANA has it or as is usual. */
  readonly port: number;
  /** The port for TLS from the first byte, where there is a usual one. */
  readonly implicitPort?: number;
  /** ALPN protocol ids of the IANA registry. Absent: none is registered, and ALPN is not negotiated. */
  readonly alpn?: readonly string[];
  /** Whether TLS from the first byte needs a client that agrees on an ALPN protocol. Default `false`. */
  readonly implicitRequiresAlpn?: boolean;
  /** Who speaks first on a new connection. */
  readonly speaksFirst: 'client' | 'server';
  /** Whether a server greets once more under TLS, unasked (RFC 5804 section 2.2). Default `false`. */
  readonly greetsAgain?: boolean;
  /** Whether what turns TLS on has its own answer under TLS, which a client has to read (RFC 2817). Default `false`. */
  readonly repliesUnderTls?: boolean;
  /** A port on which a server must not insist on TLS (RFC 3207 section 4). Default: there is none. */
  readonly publicPort?: number;
  /** The documents that say how, the one about the upgrade first. */
  readonly specifications: readonly string[];
  /** Is the server, towards a client. */
  server(client: Peer, scene: Scene): Dialogue;
  /**
   * Is the server, towards a client, with the upstream behind it. The upstream is dialled when the dialogue first
   * speaks to it or waits for it, or at the hand-over; under TLS with a new connection.
   */
  proxy(client: Peer, upstream: Peer, scene: Scene): Dialogue;
  /**
   * Follows the lines of a proxy's session behind the hand-over, where it opens more connections. Absent: nothing is
   * read there, and bytes are copied.
   */
  follow?(session: FollowedSession): Follower;
  /** Is the client, towards a server, as far as TLS. */
  probe(server: Peer, scene: Scene): Dialogue;
  /**
   * Last words to the client, in the protocol's own form, before the connection is closed because of
   * `error`; `undefined` for none. They must not repeat anything that the peer said. The `client` is there while
   * a dialogue is.
   */
  farewell(error: SallyportError, scene: Scene, client?: Peer): string | undefined;
  /** What the probe needs besides `probe` to find a server's faults. Default: nothing, and it finds fewer. */
  readonly audit?: Audit;
}

/** What a dialogue may know of the world around it. */
export interface Scene {
  /** Our name in greetings and EHLO. */
  readonly hostname: string;
  /** The name by which we know the server, where we are its client. Default: `hostname`. */
  readonly servername?: string;
  /** In place of the probe's own upgrade command, for an upstream (mysql). Default: the probe's own. */
  readonly upgradeCommand?: string;
  /** What is allowed before TLS: `required` nothing but the dialogue, `optional` everything. */
  readonly policy: 'required' | 'optional';
  /** Whether the same port takes TLS from the first byte as well. */
  readonly takesImplicit: boolean;
  /** Whether an application takes the stream; without one the dialogue goes on, and refuses honestly. */
  readonly application: boolean;
  /** Capabilities of the application, to be listed with ours, in the protocol's own words. */
  readonly capabilities: readonly string[];
  /** Whether TLS can be had at this moment; asked at each offer and each upgrade command. */
  available(): boolean;
  /** A name that nobody can guess and that never comes again: letters and digits. */
  token(): string;
}

/**
 * Whether a command that is not about TLS ends the dialogue: an application is there to take it, and the
 * policy lets it have it now.
 */
export function mayHandOver(peer: Peer, scene: Scene): boolean {
  return scene.application && (peer.secure || scene.policy === 'optional');
}

/** Whether the upgrade is to be offered: TLS can be had, and is not on (RFC 3207 section 4.2). */
export function mayUpgrade(peer: Peer, scene: Scene): boolean {
  return !peer.secure && scene.available();
}

/** Whether a command that needs the service is to be refused for want of TLS. */
export function needsTls(peer: Peer, scene: Scene): boolean {
  return !peer.secure && scene.policy === 'required';
}

/**
 * The application's capabilities, without those that `invites` a login where TLS is required for it: they would
 * have a client send its password in plaintext, to be refused too late.
 */
export function listedCapabilities(peer: Peer, scene: Scene, invites: RegExp): readonly string[] {
  if (!needsTls(peer, scene)) return scene.capabilities;
  return scene.capabilities.filter(capability => !invites.test(capability));
}
