import { Buffer } from 'node:buffer';
import { Conversation } from './conversation.ts';
import type { Measured } from './measured.ts';
import { connections, type Load, type Operation } from './operations.ts';

/**
 * All that is measured of a proxy. The batches are larger than those of a server: the processor time of a foreign
 * process comes in ticks of 10 ms.
 */
export const proxyOperations: readonly Operation[] = [
  { name: 'upgrade', title: 'upgrade', batch: 256, prepare: prepareUpgrade },
  { name: 'resumed', title: 'upgrade, resumed', batch: 256, prepare: prepareResumed },
  { name: 'postgres', title: 'upgrade, postgres', batch: 256, prepare: preparePostgres },
  { name: 'line', title: 'line', batch: 4000, prepare: prepareLines },
  { name: 'out', title: 'MiB to the client', batch: 256, prepare: prepareDownload },
  { name: 'in', title: 'MiB from the client', batch: 256, prepare: prepareUpload },
];

const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(65_536, 'A');

/** So many, as stunnel waits 200 ms for each. */
const AT_ONCE = 64;

/** Connect, greeting, EHLO, STARTTLS, full handshake, into the stream of the server behind, close. */
async function prepareUpgrade({ ports }: Measured): Promise<Load> {
  return connections(async () => (await joined(ports.dialogue)).end(), AT_ONCE);
}

/** The same with a ticket of an earlier connection. */
async function prepareResumed({ ports }: Measured): Promise<Load> {
  const first = await joined(ports.dialogue);
  await first.end();
  const { ticket } = first;
  if (ticket === undefined) throw new Error('no session ticket');
  return connections(async () => (await joined(ports.dialogue, ticket)).end(), AT_ONCE);
}

/** Connect, SSLRequest, full handshake, StartupMessage and what the server behind says to it, close. */
async function preparePostgres({ ports: { postgres } }: Measured): Promise<Load> {
  if (postgres === undefined) throw new Error('it has no postgres');
  return connections(async () => (await Conversation.connectPostgres(postgres)).end(), AT_ONCE);
}

/** A command to the server behind and its reply, the next when it has come. */
async function prepareLines(server: Measured): Promise<Load> {
  return onOne(server, async (conversation, count) => {
    for (let done = 0; done < count; done += 1) await conversation.say('NOOP\r\n');
  });
}

async function prepareDownload(server: Measured): Promise<Load> {
  return onOne(server, (conversation, count) => conversation.download(`GIVE ${count}\r\n`, count * MIB));
}

async function prepareUpload(server: Measured): Promise<Load> {
  return onOne(server, async (conversation, count) => {
    await conversation.say(`TAKE ${count}\r\n`);
    const chunks = Array.from({ length: (count * MIB) / CHUNK.length }, () => CHUNK);
    await conversation.upload(chunks, 1);
  });
}

async function onOne(
  { ports, name }: Measured,
  run: (conversation: Conversation, count: number) => Promise<void>,
): Promise<Load> {
  const conversation = await (name === DIRECT
    ? Conversation.connect(ports.dialogue)
    : joined(ports.dialogue));
  return { run: count => run(conversation, count), end: () => conversation.end() };
}

/** No proxy at all: the server behind, without TLS. */
export const DIRECT = 'direct';

/** A client whose stream is that of the server behind: with nginx it takes a recipient to get there. */
export async function joined(port: number, ticket?: Buffer): Promise<Conversation> {
  const conversation = await Conversation.connectSecure(port, ticket);
  await join(conversation);
  return conversation;
}

/** From TLS into the stream of the server behind. */
export async function join(conversation: Conversation): Promise<void> {
  await conversation.say('EHLO client.example.org\r\n');
  await conversation.say('MAIL FROM:<a@example.org>\r\n');
  await conversation.say('RCPT TO:<b@example.org>\r\n');
}
