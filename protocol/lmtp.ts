import type { Protocol } from '../src/dialogue/protocol.ts';
import { mailFarewell, mailProbe, mailServer } from './smtp.ts';
import { mailAudit } from './smtp-audit.ts';

/** LMTP (RFC 2033) with STARTTLS (RFC 3207). RFC 2033 forbids port 25; 24 is custom. */
export const lmtp: Protocol = {
  name: 'lmtp',
  port: 24,
  speaksFirst: 'server',
  specifications: ['RFC 3207', 'RFC 2033', 'RFC 5321', 'RFC 2034'],
  server: (client, scene) => mailServer(client, scene, 'LHLO'),
  proxy: (client, upstream, scene) => mailServer(client, scene, 'LHLO', upstream),
  probe: (server, scene) => mailProbe(server, scene, 'LHLO'),
  farewell: mailFarewell,
  audit: mailAudit('LHLO'),
};
