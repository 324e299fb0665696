import type { Protocol } from '../../src/dialogue/protocol.ts';

/** In which form a protocol's words come: some laws speak of lines, and say something else of the others. */
export interface Form {
  /** What ends a unit: a line end, an element, or nothing that could be typed. */
  readonly units: 'lines' | 'elements' | 'packets';
  /** TLS bytes may come right behind the upgrade command: they go to TLS, and to nothing else. */
  readonly early: boolean;
  /** White space behind the upgrade command is no plaintext. */
  readonly blanks: boolean;
  /** A TLS record instead of a first command begins TLS. */
  readonly direct: boolean;
}

const LINES: Form = { units: 'lines', early: false, blanks: false, direct: false };

const OTHERS: Readonly<Record<string, Form>> = {
  xmpp: { ...LINES, units: 'elements', blanks: true },
  'xmpp-server': { ...LINES, units: 'elements', blanks: true },
  telnet: { ...LINES, units: 'packets', early: true },
  ldap: { ...LINES, units: 'packets' },
  postgres: { ...LINES, units: 'packets', direct: true },
  mysql: { ...LINES, units: 'packets', early: true },
};

export function formOf({ name }: Protocol): Form {
  return OTHERS[name] ?? LINES;
}
