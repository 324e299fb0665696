import type { Audit } from '../src/dialogue/audit.ts';
import { anonymousLogin } from './mysql-login.ts';

/** What the probe has to know of MySQL. What follows an SSLRequest is TLS, so nothing can be injected there. */
export const mysqlAudit: Audit = {
  opening: () => [{ say: '', reply: { test: isPacket } }],
  login: { say: anonymousLogin(1, { tls: false }), reply: { test: isJudged } },
};

const HEADER = 4;

function isPacket(said: string): boolean {
  const length = said.charCodeAt(0) + said.charCodeAt(1) * 0x100;
  return said.length >= HEADER + length;
}

/** OK, more data, another way to log in, or 1045, access denied: all of them have looked at the login. */
function isJudged(said: string): boolean {
  const kind = said.slice(HEADER, HEADER + 1);
  return isPacket(said) && (/^[\0\xfe]/.test(kind) || kind === MORE_DATA || said.startsWith(DENIED, HEADER));
}

const MORE_DATA = '\x01';
const DENIED = '\xff\x15\x04';
