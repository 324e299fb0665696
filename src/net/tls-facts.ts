import type { CipherNameAndProtocol, TLSSocket } from 'node:tls';
import type { Side } from '../dialogue/peer.ts';
import type { ClientCertificateFacts, TlsFacts } from '../dialogue/tls-facts.ts';

/** Of handshakes that are over, see `keepTlsFacts`. */
const kept = new WeakMap<TLSSocket, TlsFacts>();

/** Reads the facts now: a client may leave right behind its handshake, and what OpenSSL knows is gone with it. */
export function keepTlsFacts(secure: TLSSocket): void {
  kept.set(secure, tlsFacts(secure));
}

/**
 * Reads what a finished handshake negotiated; `us` says which end we are. Where we are the client there is no
 * client's certificate to be read, and Node must not be asked: it would take the server's out of its own chain.
 */
export function tlsFacts(secure: TLSSocket, us: Side = 'server'): TlsFacts {
  return (
    kept.get(secure) ?? {
      version: secure.getProtocol() ?? 'unknown',
      cipher: cipherName(secure),
      group: groupName(secure),
      servername: textOf('servername' in secure ? secure.servername : undefined),
      alpn: textOf(secure.alpnProtocol),
      resumed: secure.isSessionReused(),
      clientCertificate: us === 'server' ? clientCertificate(secure) : undefined,
    }
  );
}

function cipherName(secure: TLSSocket): string {
  // Not in the types: null once the socket is destroyed, which can be right behind the handshake.
  const cipher: CipherNameAndProtocol | null = secure.getCipher();
  return cipher?.standardName ?? 'unknown';
}

/**
 * A server gets null, from Node 20 up to 26; a client gets no name for the hybrid groups on Node 22 and 25
 * (nodejs/node#59452).
 */
function groupName(secure: TLSSocket): string | undefined {
  const key: { readonly name?: unknown } | null = secure.getEphemeralKeyInfo();
  return textOf(key?.name);
}

/** What is not there is `false`, `null` or absent, depending on which and on the version of Node. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function clientCertificate(secure: TLSSocket): ClientCertificateFacts | undefined {
  const certificate = secure.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    subject: certificate.subject.split('\n').reverse().join(', '),
    altNames: certificate.subjectAltName,
    fingerprint: certificate.fingerprint256,
    verified: secure.authorized,
  };
}
