import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';

/** What the probe has to know of IMAP. */
export const imapAudit: Audit = {
  opening: () => [
    { say: '', reply: /^\* .*\r\n/ },
    { say: 'a1 CAPABILITY\r\n', reply: /^a1 .*\r\n/m },
  ],
  capabilities: said => [...said.matchAll(/^\* CAPABILITY (.*)$/gim)].at(-1)?.[1]?.split(' '),
  offer: /^STARTTLS$/i,
  spelling: 'STARTTLS',
  // RFC 9051 section 6.2.3: LOGIN may be said unless LOGINDISABLED is listed.
  invites: listed =>
    listed.find(each => /^AUTH=/i.test(each) && PASSWORD_MECHANISM.test(each)) ??
    (listed.some(each => /^LOGINDISABLED$/i.test(each))
      ? undefined
      : 'LOGIN, as LOGINDISABLED is not listed'),
  login: { say: 'a7 AUTHENTICATE PLAIN\r\n', reply: /^\+/m },
  harmless: { say: 'a8 NOOP\r\n', reply: /^a8 /m },
  again: { say: 'a9 STARTTLS\r\n', reply: /^a9 OK/m },
  loggedIn: /^\* PREAUTH\b/i,
};
