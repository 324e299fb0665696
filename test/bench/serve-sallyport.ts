import type { Buffer } from 'node:buffer';
import { smtp } from '../../protocol/smtp.ts';
import type { Session } from '../../src/net/session.ts';
import { createServer } from '../../src/server.ts';
import { certificateOfEnvironment } from './certificate.ts';
import { reportTo, UPLOAD } from './control.ts';

/**
 * Sallyport as it is by default, but for the limits: all the load comes from one address. The dialogue goes on
 * under TLS; on the second port an application takes the stream.
 */
const options = {
  protocol: smtp,
  certificate: certificateOfEnvironment(),
  hostname: 'bench.example.org',
  maxConnections: 100_000,
  maxPerAddress: 100_000,
};

const dialogue = await createServer(options).listen({ port: 0 });
const bulk = await createServer(options, count).listen({ port: 0 });
reportTo(process, { dialogue: dialogue.port, bulk: bulk.port });

/** Counts an upload, and answers when it is whole. */
function count({ stream }: Session): void {
  let received = 0;
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received < UPLOAD) return;
    received -= UPLOAD;
    stream.write('250 2.0.0 OK\r\n', 'latin1');
  });
  // A session's stream is paused when it is handed over.
  stream.resume();
}
