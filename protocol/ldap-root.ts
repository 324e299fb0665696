import {
  BER,
  decodeBoolean,
  decodeConstructed,
  decodeElements,
  decodeInteger,
  decodeText,
  encodeElement,
} from '../src/wire/ber.ts';
import { encodeMessage, type LdapMessage, OPERATION } from './ldap-message.ts';

/** Whether a request reads the root DSE, in the one way that RFC 4512 section 5.1 has for that. */
export function isRootSearch({ operation }: LdapMessage): boolean {
  if (operation.tag !== OPERATION.searchRequest) return false;
  const [base, scope, , , , , filter] = decodeElements(operation.content);
  const everywhere = filter?.tag === PRESENT && /^objectClass$/i.test(decodeText(filter, PRESENT));
  return everywhere && decodeText(base) === '' && decodeInteger(scope, BER.enumerated) === 0;
}

/** A filter's choice `present` (RFC 4511 section 4.5.1). */
const PRESENT = 0x87;

/**
 * The root DSE as a search result, with those of its attributes that were asked for (RFC 4511 section 4.5.1.8).
 * Its operational ones are given to who asks for none by name, too: that is how people look.
 */
export function rootEntry(
  request: LdapMessage,
  attributes: readonly (readonly [name: string, value: string])[],
): string {
  const [, , , , , typesOnly, , selection] = decodeElements(request.operation.content);
  const wanted = decodeConstructed(selection, BER.sequence).map(name => decodeText(name).toLowerCase());
  const all = wanted.length === 0 || wanted.includes('*') || wanted.includes('+');
  const withoutValues = decodeBoolean(typesOnly);
  const listed = [...grouped(attributes)].filter(([name]) => all || wanted.includes(name));
  const encoded = listed.map(([, { name, values }]) => encodeAttribute(name, withoutValues ? [] : values));
  const entry = [encodeElement(BER.octetString), encodeElement(BER.sequence, ...encoded)];
  return encodeMessage(request.id, encodeElement(OPERATION.searchResultEntry, ...entry));
}

/** By name, whose case does not matter (RFC 4512 section 2.5); each value once. */
function grouped(attributes: readonly (readonly [name: string, value: string])[]) {
  const groups = new Map<string, { readonly name: string; readonly values: Set<string> }>();
  for (const [name, value] of attributes) {
    const group = groups.get(name.toLowerCase()) ?? { name, values: new Set() };
    group.values.add(value);
    groups.set(name.toLowerCase(), group);
  }
  return groups;
}

function encodeAttribute(name: string, values: Iterable<string>): string {
  const encoded = [...values].map(value => encodeElement(BER.octetString, value));
  return encodeElement(
    BER.sequence,
    encodeElement(BER.octetString, name),
    encodeElement(BER.set, ...encoded),
  );
}
