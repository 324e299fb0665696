/** What a TLS handshake negotiated, as plain data. Strings come from the peer as they are: escape before printing. */
export interface TlsFacts {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string;
  /** IANA name of the cipher suite. */
  readonly cipher: string;
  /** SNI, where the client sent one. TLS 1.2 resumption does not tell it. */
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
