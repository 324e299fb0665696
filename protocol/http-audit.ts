import type { Audit } from '../src/dialogue/audit.ts';

const OPTIONS = 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n';

/** There is no list of capabilities, and a login is a field of any request: what is left is the upgrade. */
export const httpAudit: Audit = {
  // One response is due under TLS, that to the request which asked for it.
  harmless: { say: `${OPTIONS}\r\n`, reply: /(^HTTP\/1\.\d [2-5]\d\d[\s\S]*){2}/m },
  again: { say: `${OPTIONS}Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n`, reply: /^HTTP\/1\.\d 101 /m },
  splittable: true,
};
