import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';

/** RFC 7162 section 4. */
const LINE_LIMIT = 8192;

/** What a client may answer to a challenge: Kerberos tickets and OAuth tokens are longer than commands. */
const ANSWER_LIMIT = 65_536;

/** Octets of a literal before a login, either way; a name or a password is shorter. */
const LITERAL_LIMIT = 8192;

/** Responses to one command before a login. */
const MAX_RESPONSES = 128;

/** How the upstream has answered a command; after BYE it says no more. */
export type Outcome = 'OK' | 'NO' | 'BAD' | 'BYE';

/**
 * Passes a command to the upstream, with its literals and the client's answers to challenges, and all responses
 * to the client, with `offer` in the place of the upstream's own offer of TLS. Throws ERR_UPSTREAM_REPLY, and
 * ERR_BAD_SYNTAX for a literal of over 8 KiB.
 */
export function* exchange(
  client: Peer,
  upstream: Peer,
  { line, tag }: { readonly line: string; readonly tag: string },
  offer: readonly string[],
): Step<Outcome> {
  let awaited = yield* forward(client, upstream, line);
  for (let count = 0; count < MAX_RESPONSES; count++) {
    const response = yield* upstream.line(LINE_LIMIT);
    client.write(`${withOffer(response, offer)}\r\n`);
    if (/^\+( |$)/.test(response)) {
      awaited = yield* answer(client, upstream, awaited);
      continue;
    }
    if (/^\* BYE( |$)/i.test(response)) return 'BYE';
    const status = response.startsWith(`${tag} `) ? response.slice(tag.length + 1) : undefined;
    if (status === undefined && !response.startsWith('* ')) break;
    if (status !== undefined) return outcomeOf(status);
    yield* fromUpstream(passLiterals(client, upstream, response));
  }
  throw new SallyportError('ERR_UPSTREAM_REPLY', 'no response to a command');
}

function outcomeOf(status: string): Outcome {
  const word = /^(OK|NO|BAD)(?= |$)/i.exec(status)?.[0].toUpperCase();
  if (word === 'OK' || word === 'NO' || word === 'BAD') return word;
  throw new SallyportError('ERR_UPSTREAM_REPLY', 'tagged response without status');
}

/**
 * Sends a line, and what follows a non-synchronizing literal in it (RFC 7888). The result is the size of the
 * literal that the upstream must ask for (RFC 9051 section 7.6), if there is one.
 */
function* forward(client: Peer, upstream: Peer, first: string): Step<number | undefined> {
  for (let line = first; ; line = yield* client.line(LINE_LIMIT)) {
    upstream.write(`${line}\r\n`);
    const [, size, unasked] = /\{(\d+)(\+?)\}$/.exec(line) ?? [];
    if (size === undefined) return undefined;
    if (Number(size) > LITERAL_LIMIT) throw new SallyportError('ERR_BAD_SYNTAX', 'literal is too long');
    if (unasked !== '+') return Number(size);
    upstream.write(yield* client.bytes(Number(size)));
  }
}

/** What the client says when it is asked to go on: a literal and the rest of its line, or a line of its own. */
function* answer(client: Peer, upstream: Peer, literal: number | undefined): Step<number | undefined> {
  if (literal === undefined) {
    upstream.write(`${yield* client.line(ANSWER_LIMIT)}\r\n`);
    return undefined;
  }
  upstream.write(yield* client.bytes(literal));
  return yield* forward(client, upstream, yield* client.line(LINE_LIMIT));
}

/** Literals in a response, as in that to ID (RFC 2971). */
function* passLiterals(client: Peer, upstream: Peer, first: string): Step<void> {
  for (let line = first; ; client.write(`${line}\r\n`)) {
    const size = /\{(\d+)\}$/.exec(line)?.[1];
    if (size === undefined) return;
    if (Number(size) > LITERAL_LIMIT) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'literal is too long');
    client.write(yield* upstream.bytes(Number(size)));
    line = yield* upstream.line(LINE_LIMIT);
  }
}

/** RFC 9051 sections 7.1 and 7.2.2: capabilities come in a response of their own, and in a code. */
function withOffer(response: string, offer: readonly string[]): string {
  return response.replace(CAPABILITIES, (_, before: string, listed: string) => {
    const [version = '', ...others] = listed.split(' ').filter(word => !/^(|STARTTLS)$/i.test(word));
    return [before, version, ...offer, ...others].join(' ');
  });
}

const CAPABILITIES = /^(\* CAPABILITY|\S+ (?:OK|NO|BAD) \[CAPABILITY) ([^\]]*)/i;
