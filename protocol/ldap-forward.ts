import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';
import {
  BER,
  decodeConstructed,
  decodeElements,
  decodeInteger,
  decodeText,
  encodeElement,
} from '../src/wire/ber.ts';
import { encodeMessage, type LdapMessage, OPERATION, readMessage, responseTo } from './ldap-message.ts';
import { type Change, withExtension } from './ldap-root.ts';

/** Responses to one request: the root DSE is one entry, and a few references to elsewhere may come with it. */
const MAX_MESSAGES = 16;

/** Whether the upstream answered, or said that it closes (RFC 4511 section 4.4.1). */
export type Outcome = 'answer' | 'notice';

/**
 * Passes a request to the upstream, and its responses to the client, with the change in the root DSE. Throws
 * ERR_UPSTREAM_REPLY where the upstream answers another request, or says more than a root DSE.
 */
export function* exchange(client: Peer, upstream: Peer, request: LdapMessage, change: Change): Step<Outcome> {
  upstream.write(request.octets);
  for (let messages = 0; messages < MAX_MESSAGES; messages++) {
    const { words, outcome } = yield* fromUpstream(readResponse(upstream, request, change));
    client.write(words);
    if (outcome !== undefined) return outcome;
  }
  throw new SallyportError('ERR_UPSTREAM_REPLY', 'too many responses to a request');
}

/** The next message, changed, and whether it is the last one. */
function* readResponse(
  upstream: Peer,
  request: LdapMessage,
  change: Change,
): Step<{ readonly words: string | Uint8Array; readonly outcome: Outcome | undefined }> {
  const message = yield* readMessage(upstream);
  const { tag } = message.operation;
  if (message.id === 0 && tag === OPERATION.extendedResponse)
    return { words: message.octets, outcome: 'notice' };
  if (message.id !== request.id) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not to the request');
  if (tag !== responseTo(request)) return { words: withChange(message, request, change), outcome: undefined };
  const [code] = decodeElements(message.operation.content);
  decodeInteger(code, BER.enumerated);
  return { words: message.octets, outcome: 'answer' };
}

/** A root DSE (RFC 4512 section 5.1) with the change; any other message as it is. */
function withChange(message: LdapMessage, request: LdapMessage, change: Change): string | Uint8Array {
  const { tag, content } = message.operation;
  if (tag !== OPERATION.searchResultEntry) return message.octets;
  const [name, list] = decodeElements(content);
  if (decodeText(name) !== '') return message.octets;
  const attributes = decodeConstructed(list, BER.sequence).map(attribute => {
    const [type, values] = decodeConstructed(attribute, BER.sequence);
    return {
      type: decodeText(type),
      values: decodeConstructed(values, BER.set).map(value => decodeText(value)),
    };
  });
  const changed = encodeElement(BER.sequence, ...withExtension(attributes, request, change));
  return encodeMessage(message.id, encodeElement(tag, encodeElement(BER.octetString), changed));
}
