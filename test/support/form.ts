import type { Protocol } from '../../src/dialogue/protocol.ts';

/** In which form a protocol's words come: some laws speak of lines, and say something else of the others. */
export interface Form {
  /** What ends a unit: a line end, an empty line, an element, or nothing that could be typed. */
  readonly units: 'lines' | 'requests' | 'elements' | 'packets';
  /** TLS bytes may come right behind the upgrade command: they go to TLS, and to nothing else. */
  readonly early: boolean;
  /** White space behind the upgrade command is no plaintext. */
  readonly blanks: boolean;
  /** A TLS record instead of a first command begins TLS. */
  readonly direct: boolean;
  /** What, where TLS is required, is answered as a bad command, and may be followed by another. */
  readonly bad: string | undefined;
  /** What of the upgrade command its standard has answered under TLS: all that may outlive the upgrade. */
  carried(command: string): string;
}

const LINES: Form = {
  units: 'lines',
  early: false,
  blanks: false,
  direct: false,
  bad: 'XYZZY\r\n',
  carried: () => '',
};
const OTHER: Form = { ...LINES, bad: undefined };

const OTHERS: Readonly<Record<string, Form>> = {
  xmpp: { ...OTHER, units: 'elements', blanks: true },
  'xmpp-server': { ...OTHER, units: 'elements', blanks: true },
  telnet: { ...OTHER, units: 'packets', early: true },
  ldap: { ...OTHER, units: 'packets' },
  postgres: { ...OTHER, units: 'packets', direct: true },
  mysql: { ...OTHER, units: 'packets', early: true },
  http: {
    ...OTHER,
    units: 'requests',
    bad: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    // The request, without what asked for TLS (RFC 2817 section 3.3, RFC 9110 section 7.6.1).
    carried: request => request.replace(/^(Upgrade|Connection): .*\r\n/gm, ''),
  },
};

export function formOf({ name }: Protocol): Form {
  return OTHERS[name] ?? LINES;
}
