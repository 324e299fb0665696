import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';

/** What the probe has to know of ACAP, whose capabilities stand in its greeting. */
export const acapAudit: Audit = {
  opening: () => [{ say: '', reply: /^\* .*\r\n/ }],
  capabilities: said => {
    const greeting = [...said.matchAll(/^\* ACAP (.*)$/gim)].at(-1)?.[1];
    return greeting?.split(/\)\s*\(/).map(each => each.replace(/^\(|\)\s*$/g, ''));
  },
  offer: /^STARTTLS$/i,
  spelling: 'STARTTLS',
  invites: listed => listed.find(each => /^SASL\b/i.test(each) && PASSWORD_MECHANISM.test(each)),
  login: { say: 'a7 AUTHENTICATE "PLAIN"\r\n', reply: /^\+/m },
  harmless: { say: 'a8 NOOP\r\n', reply: /^a8 /m },
  again: { say: 'a9 STARTTLS\r\n', reply: /^a9 OK\b/m },
};
