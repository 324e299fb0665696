import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import { ClientDialogue, type ClientDialogueOptions } from './client-dialogue.ts';
import { type ConnectTlsOptions, connectTls } from './connect-tls.ts';
import { type DialTarget, dial } from './dial.ts';
import { tlsFacts } from './tls-facts.ts';

export interface OpenSecureOptions extends ClientDialogueOptions {
  /** What the TLS client wants; its deadline is `timeout`. */
  readonly tls: Omit<ConnectTlsOptions, 'timeout'>;
  /** TLS comes first, and the dialogue is not played: not even a greeting is read. Default `false`. */
  readonly implicit?: boolean;
  /** The dialogue ends with the handshake, so that what comes under TLS is all its user's. Default `false`. */
  readonly untilTls?: boolean;
  /** For each of connecting, the dialogue in plaintext, the handshake and the dialogue under TLS, in milliseconds. */
  readonly timeout: number;
}

/** A connection under TLS, in its user's hands. */
export interface SecureConnection {
  /** Paused; errors destroy it. */
  readonly stream: TLSSocket;
  /** What came under TLS behind the dialogue: the first thing to be read. */
  readonly unread: Uint8Array;
  readonly facts: TlsFacts;
}

/**
 * Opens a connection to a server and has it turn TLS on, as the protocol's client does. With the target's socket in
 * place of the target, it is not dialled.
 *
 * Rejects with one typed error, and the connection is destroyed: ERR_CONNECT…, those of the dialogue
 * (ERR_TLS_NOT_OFFERED and ERR_TLS_REFUSED where the offer was taken out on the way, ERR_PLAINTEXT_AFTER_UPGRADE
 * where words lie behind the go-ahead), and those of `connectTls`. Whatever the server says, nothing but the
 * dialogue is said in plaintext, and nothing at all behind an error.
 */
export async function openSecure(
  target: DialTarget | Socket,
  options: OpenSecureOptions,
): Promise<SecureConnection> {
  const { implicit = false, untilTls = false, timeout } = options;
  const socket = target instanceof Socket ? target : await dial(target, { timeout });
  const dialogue = new ClientDialogue(socket, options);
  if (!implicit) await dialogue.plaintext(timeout);
  const stream = await connectTls(socket, { ...options.tls, timeout });
  const facts = tlsFacts(stream, 'client');
  const unread = implicit || untilTls ? Buffer.alloc(0) : await dialogue.underTls(stream, facts, timeout);
  return { stream, unread, facts };
}
