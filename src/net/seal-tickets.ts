import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type * as tls from 'node:tls';
import type { TicketKey, TicketKeyRing } from '../options.ts';

/**
 * Has a server seal session tickets with the first of the keys, and open those of any. The keys are asked for at each
 * ticket, so they may change at any time.
 *
 * Node's own interface has room for one key. The callback of OpenSSL that takes several is internal to Node, and has
 * been there since version 0.11 (tests hold it on each Node we support). Where it is gone, the first key does both.
 */
export function sealTickets(server: tls.Server, keys: () => TicketKeyRing): void {
  const context = ticketContext(server);
  if (context?.enableTicketKeyCallback === undefined) {
    sealWithOneKey(server, keys);
    return;
  }
  context.enableTicketKeyCallback();
  context.onticketkeycallback = (name, _iv, sealing) => (sealing ? seal(keys()) : open(keys(), name));
}

/** To what `TicketKeyCallback` in Node's `crypto_context.cc` answers, and what it wants to hear. */
interface TicketContext {
  enableTicketKeyCallback?: () => void;
  onticketkeycallback?: (name: Buffer, iv: Buffer, sealing: boolean) => Answer;
}

/** The key of the HMAC and that of AES-128-CBC; for sealing also the key's name and a new IV (RFC 5077 section 4). */
type Answer = readonly [
  status: number,
  hmac: Uint8Array,
  aes: Uint8Array,
  name?: Uint8Array,
  iv?: Uint8Array,
];

/** What OpenSSL does: a full handshake; seals with this key; resumes, and gives a new ticket. */
const STATUS = { unknown: 0, sealing: 1, renewing: 2 } as const;

const NO_KEY = Buffer.alloc(16);

function seal([key]: TicketKeyRing): Answer {
  return [STATUS.sealing, key.hmac, key.aes, key.name, randomBytes(16)];
}

function open(keys: TicketKeyRing, name: Buffer): Answer {
  const key = keys.find(each => name.equals(each.name));
  if (key === undefined) return [STATUS.unknown, NO_KEY, NO_KEY];
  // A ticket that is used twice lets both visits be linked (RFC 8446 appendix C.4).
  return [STATUS.renewing, key.hmac, key.aes];
}

function ticketContext(server: tls.Server): TicketContext | undefined {
  const { _sharedCreds } = server as unknown as { _sharedCreds?: { context?: TicketContext } }; // internal, see above
  return _sharedCreds?.context;
}

function sealWithOneKey(server: tls.Server, keys: () => TicketKeyRing): void {
  let inUse: TicketKey | undefined;
  // Before Node's own listener, which makes the socket that will take the ticket.
  server.prependListener('connection', () => {
    const [key] = keys();
    if (key === inUse) return;
    inUse = key;
    server.setTicketKeys(Buffer.concat([key.name, key.hmac, key.aes]));
  });
}
