import type { Protocol } from '../src/dialogue/protocol.ts';
import { acap } from './acap.ts';
import { ftp } from './ftp.ts';
import { http } from './http.ts';
import { imap } from './imap.ts';
import { irc } from './irc.ts';
import { ldap } from './ldap.ts';
import { line } from './line.ts';
import { lmtp } from './lmtp.ts';
import { mysql } from './mysql.ts';
import { nntp } from './nntp.ts';
import { pop3 } from './pop3.ts';
import { postgres } from './postgres.ts';
import { sieve } from './sieve.ts';
import { smtp } from './smtp.ts';
import { telnet } from './telnet.ts';
import { xmpp } from './xmpp.ts';
import { xmppServer } from './xmpp-server.ts';

/** Every protocol, in the order in which they are listed and served. */
export const protocols: readonly Protocol[] = [
  smtp,
  lmtp,
  pop3,
  imap,
  ftp,
  irc,
  nntp,
  sieve,
  xmpp,
  xmppServer,
  telnet,
  ldap,
  postgres,
  mysql,
  http,
  acap,
  line,
];

export {
  acap,
  ftp,
  http,
  imap,
  irc,
  ldap,
  line,
  lmtp,
  mysql,
  nntp,
  pop3,
  postgres,
  sieve,
  smtp,
  telnet,
  xmpp,
  xmppServer,
};
