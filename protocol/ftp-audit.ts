import type { Audit } from '../src/dialogue/audit.ts';

const LIST = { say: 'FEAT\r\n', reply: /^(211|5\d\d) .*\r\n/m };

/** What the probe has to know of FTP. Its capabilities say nothing about logins. */
export const ftpAudit: Audit = {
  opening: () => [{ say: '', reply: /^220 .*\r\n/m }, LIST],
  capabilities: said =>
    /^211-/m.test(said) ? [...said.matchAll(/^ +(.*)$/gm)].map(([, name = '']) => name) : undefined,
  list: LIST,
  offer: /^AUTH\b.*\bTLS/i,
  login: { say: 'USER sallyport-probe\r\n', reply: /^(331|332|230)/m },
  harmless: { say: 'NOOP\r\n', reply: /^\d{3} .*\r\n\d{3}[ -]/m },
  again: { say: 'AUTH TLS\r\n', reply: /^234/m },
};
