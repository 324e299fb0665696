import { smtp } from '../../protocol/smtp.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { inParallel, underTls } from './speak.ts';
import { WireClient } from './wire-client.ts';

/** A server that clients come to. */
export interface Destination {
  readonly protocol: Protocol;
  readonly port: number;
}

/** At most so many at once. */
const WIDTH = 8;

/**
 * So many clients, of every kind that a server on the internet sees: most turn TLS on, say a word and leave; others
 * only look, break the rules, do not trust the certificate, or leave in the midst.
 */
export async function traffic(destinations: readonly Destination[], count: number): Promise<void> {
  await inParallel(count, WIDTH, async index => {
    const destination = destinations[index % destinations.length];
    const kind = KINDS[index % KINDS.length];
    if (destination === undefined || kind === undefined) return;
    const client = await WireClient.connect(destination.port);
    try {
      await kind(client, destination);
    } catch {
      // Some of them are meant to fail.
    } finally {
      client.destroy();
    }
  });
}

type Kind = (client: WireClient, destination: Destination) => Promise<unknown>;

const polite: Kind = async (client, { protocol }) => {
  await underTls(client, protocol);
  client.socket.end();
  await client.end();
};

const onlyLooks: Kind = async client => client.hears(() => client.heard !== '', 100);

const distrusts: Kind = (client, { protocol }) => underTls(client, protocol, { rejectUnauthorized: true });

const oldVersion: Kind = (client, { protocol }) =>
  underTls(client, protocol, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });

const twoVersions: Kind = async (client, { protocol }) => {
  await underTls(client, protocol, { maxVersion: 'TLSv1.2' });
  client.socket.end();
  await client.end();
};

/** Where it is not understood it is another mistake. */
const injects: Kind = async (client, { protocol }) => {
  await client.hears(() => client.heard !== '', 100);
  client.say(
    protocol === smtp ? 'EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@example.org>\r\n' : 'GET / HTTP/1.1\r\n\r\n',
  );
  await client.end();
};

const KINDS: readonly Kind[] = [
  polite,
  polite,
  polite,
  onlyLooks,
  polite,
  twoVersions,
  polite,
  injects,
  polite,
  distrusts,
  polite,
  polite,
  oldVersion,
];
