import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';

/** What the probe has to know of NNTP. */
export const nntpAudit: Audit = {
  opening: () => [
    { say: '', reply: /^20[01] .*\r\n/ },
    { say: 'CAPABILITIES\r\n', reply: /^(\.\r\n|[45]\d\d .*\r\n)/m },
  ],
  capabilities: said => said.split('\r\n').filter(line => line !== '' && !/^\d{3}\b|^\.$/.test(line)),
  offer: /^STARTTLS *$/i,
  spelling: 'STARTTLS',
  invites: listed =>
    listed.find(
      each => /^AUTHINFO\b.*\bUSER\b/i.test(each) || (/^SASL\b/i.test(each) && PASSWORD_MECHANISM.test(each)),
    ),
  login: { say: 'AUTHINFO USER sallyport-probe\r\n', reply: /^(381|281)/m },
  harmless: { say: 'DATE\r\n', reply: /^(111|[45]\d\d) /m },
  again: { say: 'STARTTLS\r\n', reply: /^382/m },
};
