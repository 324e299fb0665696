import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';

/** What the probe has to know of ManageSieve. */
export const sieveAudit: Audit = {
  opening: () => [{ say: '', reply: /^(OK|NO|BYE)\b.*\r\n/im }],
  capabilities: said => said.split('\r\n').filter(line => line.startsWith('"')),
  offer: /^"STARTTLS"/i,
  spelling: '"STARTTLS"',
  invites: listed => listed.find(each => /^"SASL"/i.test(each) && PASSWORD_MECHANISM.test(each)),
  login: { say: 'AUTHENTICATE "PLAIN"\r\n', reply: /^(""|\{\d+\+?\})\r\n/m },
  // The capabilities come once unasked; a second end of a list answers this.
  harmless: { say: 'CAPABILITY\r\n', reply: /^(OK|NO)\b.*^(OK|NO)\b/ims },
  again: { say: 'STARTTLS\r\n', reply: /^OK\b/im },
};
