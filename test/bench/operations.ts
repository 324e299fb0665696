import { Buffer } from 'node:buffer';
import { UPLOAD } from './control.ts';
import { Conversation } from './conversation.ts';
import type { Measured } from './measured.ts';

/** Something that a server is asked to do so often that its cost can be read. */
export interface Operation {
  readonly name: string;
  /** What one of them is, in the report. */
  readonly title: string;
  /** How many make a batch: some 5 to 50 ms of a server's time, so that a round is over before the machine changes. */
  readonly batch: number;
  /** Gets ready for batches; what this costs is not counted. */
  prepare(server: Measured): Promise<Load>;
}

/** An operation, ready to be done. */
export interface Load {
  /** Does it so often; the cost of this is counted. */
  run(count: number): Promise<void>;
  /** Leaves nothing open; not counted. */
  end(): Promise<void>;
}

/** All whose processor time is measured, of a server. */
export const operations: readonly Operation[] = [
  { name: 'upgrade', title: 'upgrade', batch: 48, prepare: prepareUpgrade },
  { name: 'resumed', title: 'upgrade, resumed', batch: 64, prepare: prepareResumed },
  { name: 'plain', title: 'plain connection', batch: 128, prepare: preparePlain },
  { name: 'line', title: 'line over TLS', batch: 800, prepare: server => prepareLines(server, 1) },
  {
    name: 'pipelined',
    title: 'line over TLS, 50 deep',
    batch: 10_000,
    prepare: server => prepareLines(server, 50),
  },
  { name: 'bulk', title: 'MiB in over TLS', batch: 64, prepare: prepareUpload },
];

/**
 * Connections under way at once: few enough to measure no queue. smtp-server waits 100 ms before it greets, which
 * costs no processor time, but with fewer at once would draw out its batches.
 */
const AT_ONCE = 16;

/** Connect, greeting, EHLO, STARTTLS, full handshake, one line, close. */
async function prepareUpgrade({ ports }: Measured): Promise<Load> {
  return connections(async () => {
    const conversation = await Conversation.connectSecure(ports.dialogue);
    await conversation.say('NOOP\r\n');
    await conversation.end();
  });
}

/** The same with a ticket of an earlier connection. */
async function prepareResumed({ ports }: Measured): Promise<Load> {
  const first = await Conversation.connectSecure(ports.dialogue);
  await first.say('NOOP\r\n');
  await first.end();
  const { ticket } = first;
  if (ticket === undefined) throw new Error('no session ticket');
  return connections(async () => {
    const conversation = await Conversation.connectSecure(ports.dialogue, ticket);
    await conversation.say('NOOP\r\n');
    await conversation.end();
  });
}

/** Connect, greeting, EHLO, QUIT; the server closes. */
async function preparePlain({ ports }: Measured): Promise<Load> {
  return connections(async () => {
    const conversation = await Conversation.connect(ports.dialogue);
    await conversation.say('EHLO client.example.org\r\n');
    await conversation.say('QUIT\r\n');
    await conversation.closed();
  });
}

/** One connection after the other, so many at once. */
export function connections(one: () => Promise<void>, atOnce = AT_ONCE): Load {
  return {
    async run(count) {
      let left = count;
      const worker = async () => {
        while (left-- > 0) await one();
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
    async end() {},
  };
}

/** NOOP on one secure connection, `depth` in one write, and the next when all are answered. */
async function prepareLines({ ports }: Measured, depth: number): Promise<Load> {
  const conversation = await Conversation.connectSecure(ports.dialogue);
  await conversation.say('EHLO client.example.org\r\n');
  const batch = 'NOOP\r\n'.repeat(depth);
  return {
    async run(count) {
      for (let done = 0; done < count; done += depth) await conversation.say(batch, depth);
    },
    end: () => conversation.end(),
  };
}

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;

/** Uploads on one secure connection: a message to smtp-server, a stream to an application elsewhere. */
async function prepareUpload({ name, ports }: Measured): Promise<Load> {
  const conversation = await Conversation.connectSecure(ports.bulk);
  if (name === 'smtp-server') await conversation.say('EHLO client.example.org\r\n');
  return {
    async run(count) {
      for (let done = 0; done < count; done += UPLOAD / MIB) await upload(conversation, name);
    },
    end: () => conversation.end(),
  };
}

async function upload(conversation: Conversation, name: string): Promise<void> {
  if (name !== 'smtp-server') return conversation.upload(chunks(), 1);
  await conversation.say('MAIL FROM:<a@example.org>\r\n');
  await conversation.say('RCPT TO:<b@example.org>\r\n');
  await conversation.say('DATA\r\n');
  return conversation.upload([...chunks(), Buffer.from('.\r\n')], 1);
}

/** Lines of 62 letters and CRLF, so that a chunk holds whole lines and none begins with a dot. */
function chunks(): Uint8Array[] {
  const chunk = Buffer.from(`${'A'.repeat(62)}\r\n`.repeat(CHUNK / 64));
  return Array.from({ length: UPLOAD / CHUNK }, () => chunk);
}
