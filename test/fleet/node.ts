import { readFileSync } from 'node:fs';
import { smtp } from '../../protocol/smtp.ts';
import { TicketKeys } from '../../src/net/ticket-keys.ts';
import { createServer } from '../../src/server.ts';

/** One node of the fleet. Its arguments: a name, a port, the files of its certificate and of the tickets' secret. */
const [name = '', port = '', certificate = '', secret = ''] = process.argv.slice(2);
const pem = readFileSync(certificate, 'utf8');
const server = createServer({
  protocol: smtp,
  hostname: name,
  certificate: { cert: pem, key: pem },
  ticketKeys: new TicketKeys({ secret: readFileSync(secret) }),
  proxyFrom: ['127.0.0.1'],
  maxPerAddress: 0,
});
await server.listen({ port: Number(port) });
process.on('SIGTERM', () => void server.close({ within: 10_000 }));
console.log('ready');
