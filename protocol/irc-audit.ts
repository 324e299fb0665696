import type { Audit } from '../src/dialogue/audit.ts';

/** What the probe has to know of IRC. */
export const ircAudit: Audit = {
  opening: () => [{ say: 'CAP LS 302\r\n', reply: /^(:\S+ )?(CAP \S+ LS :|421 ).*\r\n/m }],
  capabilities: said => {
    const lists = [...said.matchAll(/^(?::\S+ )?CAP \S+ LS (?:\* )?:?(.*)$/gim)];
    return lists.length === 0 ? undefined : lists.flatMap(([, list = '']) => list.split(' ').filter(Boolean));
  },
  offer: /^tls(=|$)/i,
  harmless: { say: 'PING :sallyport-probe\r\n', reply: /^(:\S+ )?(PONG|409|421|451) /m },
  again: { say: 'STARTTLS\r\n', reply: /^(:\S+ )?670 /m },
  splittable: true,
};
