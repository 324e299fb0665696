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
  const { wanted, withoutValues } = selectionOf(request);
  const all = wanted.length === 0 || wanted.includes('*') || wanted.includes('+');
  const listed = [...grouped(attributes)].filter(([name]) => all || wanted.includes(name));
  const encoded = listed.map(([, { name, values }]) => encodeAttribute(name, withoutValues ? [] : values));
  const entry = [encodeElement(BER.octetString), encodeElement(BER.sequence, ...encoded)];
  return encodeMessage(request.id, encodeElement(OPERATION.searchResultEntry, ...entry));
}

function selectionOf({ operation }: LdapMessage) {
  const [, , , , , typesOnly, , selection] = decodeElements(operation.content);
  const wanted = decodeConstructed(selection, BER.sequence).map(name => decodeText(name).toLowerCase());
  return { wanted, withoutValues: decodeBoolean(typesOnly) };
}

/** An attribute of an entry. */
export interface Attribute {
  readonly type: string;
  readonly values: readonly string[];
}

/** An extension that is no longer to be listed, and one that is. */
export interface Change {
  readonly withdrawn: string;
  readonly offer: string | undefined;
}

/**
 * The attributes of somebody's root DSE, encoded, with the change in the extensions that it supports. Where it lists
 * none, and they were asked for, the attribute is put in: it is an operational one.
 */
export function withExtension(
  attributes: readonly Attribute[],
  request: LdapMessage,
  { withdrawn, offer }: Change,
): readonly string[] {
  const { wanted, withoutValues } = selectionOf(request);
  const asked = wanted.includes('+') || wanted.includes(EXTENSIONS.toLowerCase());
  const missing = asked && offer !== undefined && !attributes.some(isOfExtensions);
  const listed = missing ? [{ type: EXTENSIONS, values: [] }] : [];
  return [...attributes, ...listed].flatMap(attribute => {
    if (!isOfExtensions(attribute)) return [encodeAttribute(attribute.type, attribute.values)];
    const kept = attribute.values.filter(value => value !== withdrawn);
    const values = offer === undefined ? kept : [offer, ...kept];
    // Without values nobody can see whether ours is the only one.
    if (withoutValues) return [encodeAttribute(attribute.type, [])];
    return values.length === 0 ? [] : [encodeAttribute(attribute.type, values)];
  });
}

const EXTENSIONS = 'supportedExtension';

function isOfExtensions({ type }: Attribute): boolean {
  return type.toLowerCase() === EXTENSIONS.toLowerCase();
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
