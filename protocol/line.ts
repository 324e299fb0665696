import { defineLineProtocol } from '../src/dialogue/line-protocol.ts';
import type { Peer } from '../src/dialogue/peer.ts';
import { needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { listTlsFacts } from '../src/dialogue/tls-facts.ts';

/**
 * A small line protocol of our own, to look at TLS and to build upon. Each reply ends in one line, `OK text`
 * or `ERR text`; what STATUS has to say comes before it, as lines `key: value`.
 */
export const line: Protocol = defineLineProtocol({
  name: 'line',
  // Its client reads a greeting, says STARTTLS, and wants a reply that begins with OK; s_client has no nearer one.
  sClientName: 'sieve',
  port: 8028,
  greeting: 'OK {hostname} Sallyport ready',
  quit: 'QUIT',
  hello: 'HELP',
  commands: { HELP: help, STATUS: status, ECHO: echo },
});

function help(client: Peer): void {
  client.write('OK Commands: HELP STARTTLS STATUS ECHO QUIT\r\n');
}

/** May be asked in plaintext: it then says that there is no TLS. */
function status(client: Peer): void {
  const facts = client.tls === undefined ? [['tls', 'none']] : listTlsFacts(client.tls);
  const lines = facts.map(([key, value]) => `${key}: ${value}\r\n`);
  client.write(`${lines.join('')}OK End of status\r\n`);
}

function echo(client: Peer, text: string, scene: Scene): void {
  if (needsTls(client, scene)) client.reject('ERR TLS required, say STARTTLS\r\n');
  else client.write(text === '' ? 'OK\r\n' : `OK ${text}\r\n`);
}
