import { printable } from '../wire/printable.ts';

/** What a TLS handshake negotiated, as plain data. Strings come from the peer as they are: escape before printing. */
export interface TlsFacts {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string;
  /** IANA name of the cipher suite. */
  readonly cipher: string;
  /**
   * The group of the key exchange, as OpenSSL calls it, where Node tells it: to no server, up to version 26, and to a
   * client not every one.
   */
  readonly group: string | undefined;
  /**
   * SNI, where the client sent one. A resumed session of TLS 1.2 does not tell it: decide nothing by it that matters.
   */
  readonly servername: string | undefined;
  /** The ALPN protocol agreed on. */
  readonly alpn: string | undefined;
  /** Whether an earlier session was resumed. */
  readonly resumed: boolean;
  /** The client's certificate, where it presented one. */
  readonly clientCertificate: ClientCertificateFacts | undefined;
}

export interface ClientCertificateFacts {
  /** `CN=…, O=…`, most specific first. */
  readonly subject: string;
  /** `DNS:…, email:…`, as the certificate has them. */
  readonly altNames: string | undefined;
  /** SHA-256 of the certificate, as `AB:CD:…`. */
  readonly fingerprint: string;
  /** Whether it chains to a configured authority. */
  readonly verified: boolean;
}

/** The facts for people, as names and values, and escaped: what a peer chose must not forge a line or drive a terminal. */
export function listTlsFacts(tls: TlsFacts): readonly (readonly [name: string, value: string])[] {
  const { version, cipher, group, servername, alpn, clientCertificate, resumed } = tls;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['tls', version],
    ['cipher', cipher],
    ['key exchange', group],
    ['server name', servername ?? (resumed && version === 'TLSv1.2' ? 'not told' : 'none')],
    ['alpn', alpn ?? 'none'],
    ['client certificate', clientCertificate?.subject ?? 'none'],
    ['alternative names', clientCertificate?.altNames],
    ['fingerprint', clientCertificate?.fingerprint],
    ['verified', clientCertificate && yesOrNo(clientCertificate.verified)],
    ['resumed', yesOrNo(resumed)],
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, printable(value)]]));
}

function yesOrNo(fact: boolean): string {
  return fact ? 'yes' : 'no';
}
