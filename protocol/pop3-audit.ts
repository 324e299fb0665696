import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';

/** What the probe has to know of POP3. */
export const pop3Audit: Audit = {
  opening: () => [
    { say: '', reply: /^\+OK.*\r\n/ },
    { say: 'CAPA\r\n', reply: /^(\.\r\n|-ERR)/m },
  ],
  capabilities: said => said.split('\r\n').filter(line => line !== '' && !/^(\+OK|-ERR)\b|^\.$/.test(line)),
  offer: /^STLS *$/i,
  spelling: 'STLS',
  invites: listed =>
    listed.find(each => /^USER\b/i.test(each) || (/^SASL\b/i.test(each) && PASSWORD_MECHANISM.test(each))),
  login: { say: 'USER sallyport-probe\r\n', reply: /^\+OK/m },
  harmless: { say: 'CAPA\r\n', reply: /^\.\r\n(\+OK|-ERR)/m },
  again: { say: 'STLS\r\n', reply: /^\+OK/m },
};
