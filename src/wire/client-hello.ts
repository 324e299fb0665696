/** The content type of a TLS handshake record (RFC 8446 section 5.1). */
const HANDSHAKE = 0x16;

/**
 * Whether what has come begins like a TLS handshake record, where text is expected. One byte decides: no
 * command of any line protocol begins with 0x16, and waiting for a second would let a cut change the answer.
 */
export function startsClientHello(first: number | Uint8Array | undefined): boolean {
  return (typeof first === 'object' ? first[0] : first) === HANDSHAKE;
}
