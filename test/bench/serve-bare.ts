import type { Buffer } from 'node:buffer';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { certificateOfEnvironment } from './certificate.ts';
import { listen, reportTo, UPLOAD } from './control.ts';

/**
 * The bare server: the least that upgrades. One shared context, a line parser, replies to a batch in one write;
 * no limit, no deadline, no log, no check of what lies behind STARTTLS. Not fit for use: it is the floor.
 */
const context = createSecureContext({ ...certificateOfEnvironment(), minVersion: 'TLSv1.2' });

type Secured = (secure: TLSSocket) => void;

const dialogue = createServer({ noDelay: true }, socket => greet(socket, secure => converse(secure, secure)));
const bulk = createServer({ noDelay: true }, socket => greet(socket, count));
reportTo(process, { dialogue: await listen(dialogue), bulk: await listen(bulk) });

function greet(raw: Socket, secured: Secured): void {
  raw.on('error', () => raw.destroy());
  raw.write('220 bench.example.org ESMTP ready\r\n');
  converse(raw, undefined, secured);
}

/** Answers commands; at STARTTLS the socket changes hands. */
function converse(socket: Socket, secure?: TLSSocket, secured?: Secured): void {
  let rest = '';
  socket.on('data', function receive(chunk: Buffer) {
    const text = rest + chunk.toString('latin1');
    let replies = '';
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = text.slice(start, text.charCodeAt(end - 1) === 13 ? end - 1 : end);
      start = end + 1;
      const command = verbOf(line);
      if (command === 'STARTTLS' && secured !== undefined) {
        socket.off('data', receive);
        upgrade(socket, secured);
        return;
      }
      replies += replyTo(command, secure === undefined);
      if (command === 'QUIT') {
        socket.end(replies, 'latin1');
        return;
      }
    }
    rest = text.slice(start);
    if (replies !== '') socket.write(replies, 'latin1');
  });
}

function verbOf(line: string): string {
  const blank = line.indexOf(' ');
  return (blank < 0 ? line : line.slice(0, blank)).toUpperCase();
}

function replyTo(command: string, offer: boolean): string {
  switch (command) {
    case 'EHLO':
      return `250-bench.example.org\r\n250-PIPELINING\r\n${offer ? '250-STARTTLS\r\n' : ''}250 ENHANCEDSTATUSCODES\r\n`;
    case 'NOOP':
      return '250 2.0.0 OK\r\n';
    case 'QUIT':
      return '221 2.0.0 bench.example.org closing connection\r\n';
    default:
      return '500 5.5.2 Command not recognized\r\n';
  }
}

function upgrade(raw: Socket, secured: Secured): void {
  raw.write('220 2.0.0 Ready to start TLS\r\n');
  const secure = new TLSSocket(raw, { isServer: true, secureContext: context });
  secure.on('error', () => secure.destroy());
  secure.on('secure', () => secured(secure));
}

/** Counts an upload, and answers when it is whole. */
function count(secure: TLSSocket): void {
  let received = 0;
  secure.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received < UPLOAD) return;
    received -= UPLOAD;
    secure.write('250 2.0.0 OK\r\n', 'latin1');
  });
}
