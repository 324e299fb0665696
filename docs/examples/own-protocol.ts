// A key-value store of its own over in-band TLS: STARTTLS, then SET, GET, DEL and QUIT.
//   npx tsx docs/examples/own-protocol.ts
//   openssl s_client -starttls sieve -connect localhost:7380
import { type Application, createServer, defineLineProtocol, developmentCertificate } from 'sallyport';

export const keyValue = defineLineProtocol({
  name: 'key-value',
  port: 7380,
  greeting: 'OK {hostname} key-value store, say STARTTLS',
  quit: 'QUIT',
});

/** The store itself: it is called under TLS only, once for each client. */
export function store(entries = new Map<string, string>()): Application {
  return async session => {
    for await (const line of session.lines({ limit: 4096 })) {
      const [command = '', key = '', ...words] = line.split(' ');
      if (/^quit$/i.test(command)) break;
      await session.writeLine(answer(entries, command.toUpperCase(), key, words.join(' ')));
    }
    await session.writeLine('OK Bye');
  };
}

const MAX_ENTRIES = 10_000;

function answer(entries: Map<string, string>, command: string, key: string, value: string): string {
  if (!/^(SET|GET|DEL)$/.test(command)) return 'ERR Commands: SET GET DEL QUIT';
  if (key === '') return `ERR ${command} needs a key`;
  if (command === 'DEL') return entries.delete(key) ? 'OK Deleted' : 'ERR No such key';
  if (command === 'GET') return entries.has(key) ? `OK ${entries.get(key)}` : 'ERR No such key';
  if (entries.size >= MAX_ENTRIES && !entries.has(key)) return 'ERR The store is full';
  entries.set(key, value);
  return 'OK Set';
}

if (process.argv[1] === import.meta.filename) {
  const certificate = await developmentCertificate();
  const server = createServer({ protocol: keyValue, certificate }, store());
  const { address, port } = await server.listen({ port: keyValue.port });
  process.stdout.write(`listening on ${address} port ${port}; clients trust ${certificate.caFile}\n`);
}
