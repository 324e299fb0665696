import { SMTPServer } from 'smtp-server';
import { certificateOfEnvironment } from './certificate.ts';
import { listen, reportTo } from './control.ts';

/** npm's smtp-server with all that costs and is not measured turned off: log, reverse DNS, authentication. */
const server = new SMTPServer({
  ...certificateOfEnvironment(),
  name: 'bench.example.org',
  authOptional: true,
  disableReverseLookup: true,
  hideSTARTTLS: false,
  logger: false,
  // Default one minute: idle connections must outlive the reading of their memory.
  socketTimeout: 600_000,
  onData(message, _session, done) {
    message.on('data', () => {});
    message.on('end', () => done());
  },
});
// Who drops the connection is no error here.
server.on('error', () => {});
const port = await listen(server.server);
reportTo(process, { dialogue: port, bulk: port });
