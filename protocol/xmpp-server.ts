import type { Protocol } from '../src/dialogue/protocol.ts';
import { clientHeader, xmppDialogue, xmppProbe } from './xmpp.ts';
import { xmppAudit } from './xmpp-audit.ts';
import { xmppFarewell } from './xmpp-stream.ts';

/** XMPP between servers (RFC 6120) with STARTTLS. */
export const xmppServer: Protocol = {
  name: 'xmpp-server',
  port: 5269,
  implicitPort: 5270,
  alpn: ['xmpp-server'],
  speaksFirst: 'client',
  specifications: ['RFC 6120', 'RFC 7590', 'XEP-0368'],
  server: (client, scene) => xmppDialogue(client, scene, 'jabber:server'),
  proxy: (client, upstream, scene) => xmppDialogue(client, scene, 'jabber:server', upstream),
  probe: (server, scene) => xmppProbe(server, scene, 'jabber:server'),
  farewell: (error, scene, client) => xmppFarewell(error, scene, 'jabber:server', client),
  audit: xmppAudit(scene => clientHeader(scene, 'jabber:server')),
};
