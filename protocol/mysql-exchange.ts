import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';
import {
  capability,
  errorPacket,
  greetingCapabilities,
  integer,
  LENGTH_LIMIT,
  type PacketHeader,
  packet,
  readHeader,
  SSL_REQUEST_LENGTH,
} from './mysql-packet.ts';
import { NEEDED, PROXIED, responseFor } from './mysql-response.ts';

/** A packet, and its payload. */
export interface Packet extends PacketHeader {
  readonly payload: Uint8Array;
}

/** Packets of a login; PAM asks one question after the other. */
const MAX_PACKETS = 64;

/** The first byte of a payload. */
const OK = 0x00;
const ERR = 0xff;

/**
 * Logs a client in at the upstream, which is dialled only now: its challenge reaches the client by an
 * AuthSwitchRequest. The packets of both sides count from other numbers, up to the end of the login. Throws
 * ERR_UPSTREAM_REPLY, and ERR_BAD_SYNTAX for a packet that is out of order or cut off.
 */
export function* logIn(client: Peer, upstream: Peer, response: Packet): Step<'handOver' | 'close'> {
  const start = responseFor(response.payload, { theirs: PROXIED, tls: true }).slice(0, SSL_REQUEST_LENGTH);
  // Of a client with TLS, MariaDB takes the capabilities from its SSLRequest, and does not look at them again.
  yield* upstream.connection({ upgradeCommand: packet(1, start) });
  const greeting = upstream.greeted ? GREETED : yield* fromUpstream(readGreetingOrRefusal(upstream));
  if (greeting.refusal !== undefined) {
    client.write(renumbered(greeting.refusal, response.sequence + 1));
    return 'close';
  }
  const tls = upstream.greeted;
  // An SSLRequest has the number before.
  const sequence = tls ? 2 : 1;
  upstream.write(packet(sequence, responseFor(response.payload, { theirs: greeting.capabilities, tls })));
  let last = response.sequence;
  const shift = last - sequence;
  let turn = upstream;
  for (let packets = 0; packets < MAX_PACKETS; packets++) {
    const speaker = turn === upstream ? upstream : yield* client.first(upstream);
    const read = readPacket(speaker);
    const said = yield* speaker === upstream ? fromUpstream(read) : read;
    const sent = speaker === upstream ? said.sequence + shift : said.sequence;
    if (sent !== last + 1) throw outOfOrder(client, speaker, last + 1);
    last = sent;
    client.progress = last + 1;
    if (speaker === client) upstream.write(renumbered(said, sent - shift));
    else client.write(renumbered(said, sent));
    if (speaker === upstream && said.payload[0] === OK) return 'handOver';
    if (speaker === upstream && said.payload[0] === ERR) return 'close';
    turn = speaker === client ? upstream : client;
  }
  throw new SallyportError('ERR_UPSTREAM_REPLY', 'login does not end');
}

/** What the upstream says first. */
interface Greeting {
  readonly refusal: Packet | undefined;
  readonly capabilities: number;
}

/** It was read to turn TLS on in-band. */
const GREETED: Greeting = { refusal: undefined, capabilities: PROXIED };

function* readGreetingOrRefusal(upstream: Peer): Step<Greeting> {
  const said = yield* readPacket(upstream);
  if (said.payload[0] === ERR) return { refusal: said, capabilities: 0 };
  const capabilities = greetingCapabilities(said.payload);
  if ((capabilities & NEEDED) === NEEDED) return { refusal: undefined, capabilities };
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'server is too old');
}

/** The answer to a challenge may be empty. Throws ERR_BAD_SYNTAX for a packet that is too long for a login. */
function* readPacket(peer: Peer): Step<Packet> {
  const header = yield* readHeader(peer);
  if (header.length > LENGTH_LIMIT) throw new SallyportError('ERR_BAD_SYNTAX', 'length');
  return { ...header, payload: yield* peer.bytes(header.length) };
}

function renumbered({ length, payload }: Packet, sequence: number): Uint8Array {
  const whole = new Uint8Array(4 + payload.length);
  whole.set([...`${integer(length, 3)}${integer(sequence, 1)}`].map(byte => byte.charCodeAt(0)));
  whole.set(payload, 4);
  return whole;
}

/** Said here and not as a farewell, as a bad packet of a client is met with silence elsewhere. */
function outOfOrder(client: Peer, speaker: Peer, sequence: number): SallyportError {
  if (speaker !== client) return new SallyportError('ERR_UPSTREAM_REPLY', 'packet out of order');
  client.write(errorPacket(sequence, OUT_OF_ORDER));
  return new SallyportError('ERR_BAD_SYNTAX', 'packet out of order');
}

const OUT_OF_ORDER = { number: 1156, sqlState: '08S01', text: 'Got packets out of order' };

/** Whether a client can be asked anew, which a login through us takes. */
export function canSwitch(capabilities: number): boolean {
  return (capabilities & capability.pluginAuth) !== 0;
}
