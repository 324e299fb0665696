import type { Peer, Step } from '../src/dialogue/peer.ts';
import { SallyportError } from '../src/errors.ts';
import {
  BER,
  type BerElement,
  decodeBoolean,
  decodeConstructed,
  decodeElements,
  decodeInteger,
  decodeLength,
  encodeElement,
  encodeInteger,
  extraLengthOctets,
} from '../src/wire/ber.ts';

/** An LDAPMessage (RFC 4511 section 4.1.1) whose operation has not been looked into. */
export interface LdapMessage {
  /** All of it, as it came. */
  readonly octets: Uint8Array;
  readonly id: number;
  readonly operation: BerElement;
  readonly controls: BerElement | undefined;
}

/** The tags of protocol operations (RFC 4511 section 4.2 and behind), of the form [APPLICATION n]. */
export const OPERATION = {
  bindRequest: 0x60,
  bindResponse: 0x61,
  unbindRequest: 0x42,
  searchRequest: 0x63,
  searchResultEntry: 0x64,
  searchResultDone: 0x65,
  modifyRequest: 0x66,
  addRequest: 0x68,
  deleteRequest: 0x4a,
  modifyDnRequest: 0x6c,
  compareRequest: 0x6e,
  abandonRequest: 0x50,
  extendedRequest: 0x77,
  extendedResponse: 0x78,
} as const;

/** RFC 4511 section 4.1.9. */
export const RESULT = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  unavailableCriticalExtension: 12,
  confidentialityRequired: 13,
  unavailable: 52,
  other: 80,
} as const;

/** The response that belongs to a request; a request that is not named here has none. */
const RESPONSES: ReadonlyMap<number, number> = new Map([
  [OPERATION.bindRequest, OPERATION.bindResponse],
  [OPERATION.searchRequest, OPERATION.searchResultDone],
  [OPERATION.modifyRequest, 0x67],
  [OPERATION.addRequest, 0x69],
  [OPERATION.deleteRequest, 0x6b],
  [OPERATION.modifyDnRequest, 0x6d],
  [OPERATION.compareRequest, 0x6f],
  [OPERATION.extendedRequest, OPERATION.extendedResponse],
]);

/**
 * RFC 4511 has no limit. OpenLDAP takes 262143 bytes from who has not logged in; nothing that may be said
 * before a login is nearly as long, and a length must not make us hold more than one read of the socket.
 */
const SIZE_LIMIT = 65_536;

/** Reads a message. Throws ERR_BAD_SYNTAX for what is none, and for one of more than 64 KiB. */
export function* readMessage(peer: Peer): Step<LdapMessage> {
  if ((yield* peer.peek()) !== BER.sequence) throw new SallyportError('ERR_BAD_SYNTAX', 'no LDAPMessage');
  const start = yield* peer.bytes(2);
  const first = start[1] ?? 0;
  const extra = yield* peer.bytes(extraLengthOctets(first));
  const length = decodeLength(first, extra);
  if (length > SIZE_LIMIT) throw new SallyportError('ERR_BAD_SYNTAX', `LDAPMessage of ${length} bytes`);
  const content = yield* peer.bytes(length);
  return { octets: joined(start, extra, content), ...decodeMessage(content) };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** RFC 4511 section 4: components that are not known, behind those that are, are ignored. */
function decodeMessage(content: Uint8Array): Omit<LdapMessage, 'octets'> {
  const [id, operation, ...further] = decodeElements(content);
  if (operation === undefined) throw new SallyportError('ERR_BAD_SYNTAX', 'LDAPMessage without operation');
  return { id: decodeInteger(id), operation, controls: further.find(({ tag }) => tag === CONTROLS) };
}

const CONTROLS = 0xa0;

/** The tag of the response that ends the answer to a request. */
export function responseTo({ operation }: LdapMessage): number | undefined {
  return RESPONSES.get(operation.tag);
}

/** RFC 4511 section 4.1.1: a client says nothing but requests, and each has a number above zero. */
export function checkRequest({ id, operation: { tag } }: LdapMessage): void {
  const silent = tag === OPERATION.unbindRequest || tag === OPERATION.abandonRequest;
  if (id <= 0 || !(silent || RESPONSES.has(tag))) throw new SallyportError('ERR_BAD_SYNTAX', 'no request');
}

/** Whether there is a control without which the request must not be performed (RFC 4511 section 4.1.11). */
export function hasCriticalControl({ controls }: LdapMessage): boolean {
  if (controls === undefined) return false;
  return decodeElements(controls.content).some(control => {
    const [, criticality] = decodeConstructed(control, BER.sequence);
    return criticality?.tag === BER.boolean && decodeBoolean(criticality);
  });
}

/** Writes a message as latin1. */
export function encodeMessage(id: number, operation: string): string {
  return encodeElement(BER.sequence, encodeInteger(id), operation);
}

/** The LDAPResult of a request, in the response that belongs to it (RFC 4511 section 4.1.9). */
export function encodeResult(request: LdapMessage, code: number, text: string, ...more: string[]): string {
  const tag = RESPONSES.get(request.operation.tag) ?? OPERATION.extendedResponse;
  return encodeMessage(request.id, encodeElement(tag, resultOf(code, text), ...more));
}

/** The unsolicited notification that the server closes (RFC 4511 section 4.4.1). */
export function encodeNotice(code: number, text: string): string {
  const name = encodeElement(RESPONSE_NAME, NOTICE_OF_DISCONNECTION);
  return encodeMessage(0, encodeElement(OPERATION.extendedResponse, resultOf(code, text), name));
}

/** The tags of an extended response's name and value (RFC 4511 section 4.12). */
export const RESPONSE_NAME = 0x8a;
export const RESPONSE_VALUE = 0x8b;

const NOTICE_OF_DISCONNECTION = '1.3.6.1.4.1.1466.20036';

/** Without matchedDN: there is no directory in which anything could match. */
function resultOf(code: number, text: string): string {
  const matched = encodeElement(BER.octetString);
  return encodeInteger(code, BER.enumerated) + matched + encodeElement(BER.octetString, text);
}
