import { postgres } from '../../protocol/postgres.ts';
import { smtp } from '../../protocol/smtp.ts';
import { createProxy } from '../../src/proxy.ts';
import { backendOfEnvironment } from './backend.ts';
import { certificateOfEnvironment } from './certificate.ts';
import { reportTo } from './control.ts';

/** Sallyport as a proxy, as it is by default, but for the limits: all the load comes from one address. */
const backend = backendOfEnvironment();
const options = {
  certificate: certificateOfEnvironment(),
  hostname: 'bench.example.org',
  maxConnections: 100_000,
  maxPerAddress: 100_000,
};

const mail = await createProxy({
  ...options,
  protocol: smtp,
  to: { host: '127.0.0.1', port: backend.dialogue },
}).listen({ port: 0 });
const database = await createProxy({
  ...options,
  protocol: postgres,
  to: { host: '127.0.0.1', port: backend.postgres },
}).listen({ port: 0 });
reportTo(process, { dialogue: mail.port, bulk: mail.port, postgres: database.port });
