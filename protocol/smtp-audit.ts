import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';

/** What the probe has to know of SMTP and of LMTP, which differ in their hello. */
export function mailAudit(hello: string): Audit {
  return {
    opening: ({ hostname }) => [
      { say: '', reply: /^220 .*\r\n/m },
      { say: `${hello} ${hostname}\r\n`, reply: /^(250|5\d\d) .*\r\n/m },
    ],
    capabilities: said => {
      const [, ...listed] = [...said.matchAll(/^250[- ](.*)$/gm)].map(([, text = '']) => text);
      return listed;
    },
    offer: /^STARTTLS$/i,
    spelling: 'STARTTLS',
    invites: listed => listed.find(each => /^AUTH[ =]/i.test(each) && PASSWORD_MECHANISM.test(each)),
    login: { say: 'AUTH PLAIN\r\n', reply: /^334/m },
    // Two replies in place of one: the hello has only one line that is the last.
    harmless: { say: 'NOOP\r\n', reply: /^\d{3} .*\r\n\d{3}[ -]/m },
    again: { say: 'STARTTLS\r\n', reply: /^220 /m },
    // A recipient without a sender is refused for it; no message ever follows.
    memory: {
      tell: { say: 'MAIL FROM:<>\r\n', reply: /^250 .*\r\n/m },
      ask: { say: 'RCPT TO:<postmaster>\r\n', reply: /^25\d / },
    },
  };
}
