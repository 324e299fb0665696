import type { Audit } from '../src/dialogue/audit.ts';
import {
  BER,
  type BerElement,
  decodeElements,
  decodeInteger,
  decodeText,
  encodeElement,
  encodeInteger,
} from '../src/wire/ber.ts';
import { encodeMessage, OPERATION, RESULT } from './ldap-message.ts';

/** The choice of `AuthenticationChoice` (RFC 4511 section 4.2). */
const SASL = 0xa3;

/** Numbers of messages that the dialogue does not use. */
const ID = { bind: 0x51, search: 0x52, again: 0x53 } as const;

/**
 * A bind by a mechanism of SASL that nobody has, so it reveals nothing. One with a name and no password would not do:
 * OpenLDAP refuses it before it looks whether TLS is on (RFC 4513 section 5.1.2).
 */
const BIND = encodeElement(
  OPERATION.bindRequest,
  encodeInteger(3),
  encodeElement(BER.octetString),
  encodeElement(SASL, encodeElement(BER.octetString, 'SALLYPORT')),
);

/**
 * What the probe has to know of LDAP; `search` reads the root DSE, `startTls` asks for TLS. A directory may list
 * StartTLS under TLS, too: its root DSE says what it knows, not what may be asked for now (RFC 4512 section 5.1).
 */
export function ldapAudit(search: string, startTls: string): Audit {
  return {
    opening: () => [],
    capabilities: extensionsIn,
    login: { say: encodeMessage(ID.bind, BIND), reply: { test: said => isJudged(resultIn(said, ID.bind)) } },
    harmless: {
      say: encodeMessage(ID.search, search),
      reply: { test: said => resultIn(said, ID.search) !== undefined },
    },
    again: {
      say: encodeMessage(ID.again, startTls),
      reply: { test: said => resultIn(said, ID.again) === RESULT.success },
    },
    splittable: true,
  };
}

/** The values of the root DSE's one attribute that was asked for, at any depth. */
function extensionsIn(said: string): readonly string[] | undefined {
  const found = elementsIn(said).flatMap(textsIn);
  return found.some(text => text === 'supportedExtension') ? found.filter(text => OID.test(text)) : undefined;
}

const OID = /^\d+(\.\d+)+$/;

function textsIn(element: BerElement): readonly string[] {
  if (element.tag === BER.octetString) return [decodeText(element)];
  return (element.tag & CONSTRUCTED) === 0 ? [] : decodeElements(element.content).flatMap(textsIn);
}

const CONSTRUCTED = 0x20;

/** Any result but those that want TLS first: 8, strongerAuthRequired, and 13 (RFC 4511 section 4.1.9). */
function isJudged(result: number | undefined): boolean {
  return result !== undefined && result !== 8 && result !== RESULT.confidentialityRequired;
}

/** The result in the answer to a message; `undefined` where it has not come, or what came cannot be read. */
function resultIn(said: string, id: number): number | undefined {
  for (const message of elementsIn(said)) {
    const [number, operation] = decodeElements(message.content);
    const [result] = operation === undefined ? [] : decodeElements(operation.content);
    if (decodeInteger(number) !== id) continue;
    if (result?.tag === BER.enumerated) return decodeInteger(result, BER.enumerated);
  }
  return undefined;
}

/** None where what came is cut off or cannot be read. */
function elementsIn(said: string): readonly BerElement[] {
  try {
    return decodeElements(Uint8Array.from(said, each => each.charCodeAt(0)));
  } catch {
    return [];
  }
}
