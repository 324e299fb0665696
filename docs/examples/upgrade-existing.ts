// STARTTLS added to a server of one's own that is there already: a plain net.Server that tells the time.
//   npx tsx docs/examples/upgrade-existing.ts
//   openssl s_client -starttls sieve -connect localhost:7381
import { createServer, type Server, type Socket } from 'node:net';
import { developmentCertificate, TlsTerminator, upgrade } from 'sallyport';

/** One terminator for all connections: it holds the certificate. */
export function timeServer(terminator: TlsTerminator): Server {
  return createServer({ noDelay: true }, socket => {
    socket.on('error', () => socket.destroy());
    socket.write('OK Time server, say STARTTLS\r\n');
    converse(socket, terminator);
  });
}

/** Reads commands, in plaintext with a terminator and under TLS without. */
function converse(socket: Socket, terminator?: TlsTerminator): void {
  let buffered = '';
  socket.setTimeout(60_000, () => socket.destroy());
  socket.on('data', chunk => {
    buffered += chunk.toString('latin1');
    for (let end = buffered.indexOf('\n'); end >= 0; end = buffered.indexOf('\n')) {
      const command = buffered.slice(0, end).trim().toUpperCase();
      buffered = buffered.slice(end + 1);
      if (command === 'STARTTLS' && terminator !== undefined) {
        void startTls(socket, terminator, buffered);
        return;
      }
      socket.write(answer(command, terminator === undefined));
    }
    if (buffered.length > 512) socket.destroy();
  });
}

/** What was read behind the command has to be told: nobody else knows of it, and it must not be run under TLS. */
async function startTls(socket: Socket, terminator: TlsTerminator, unread: string): Promise<void> {
  try {
    const secure = await upgrade(socket, {
      terminator,
      goAhead: 'OK Begin TLS\r\n',
      unread: Buffer.from(unread, 'latin1'),
      refusal: 'ERR Plaintext behind STARTTLS\r\n',
    });
    converse(secure);
  } catch {
    // A failed upgrade has closed the connection; its reason would go to a log here.
  }
}

function answer(command: string, secure: boolean): string {
  if (!secure) return 'ERR Say STARTTLS first\r\n';
  return command === 'TIME' ? `OK ${new Date().toISOString()}\r\n` : 'ERR Commands: TIME\r\n';
}

if (process.argv[1] === import.meta.filename) {
  const certificate = await developmentCertificate();
  timeServer(new TlsTerminator({ certificate })).listen(7381, '127.0.0.1');
  process.stdout.write(`listening on 127.0.0.1 port 7381; clients trust ${certificate.caFile}\n`);
}
