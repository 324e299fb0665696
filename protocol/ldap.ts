import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import {
  listedCapabilities,
  mayHandOver,
  mayUpgrade,
  needsTls,
  type Protocol,
  type Scene,
} from '../src/dialogue/protocol.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import {
  BER,
  decodeConstructed,
  decodeElements,
  decodeInteger,
  decodeText,
  encodeBoolean,
  encodeElement,
  encodeInteger,
} from '../src/wire/ber.ts';
import { ldapAudit } from './ldap-audit.ts';
import { exchange, type Outcome } from './ldap-forward.ts';
import {
  checkRequest,
  encodeMessage,
  encodeNotice,
  encodeResult,
  hasCriticalControl,
  type LdapMessage,
  OPERATION,
  RESPONSE_NAME,
  RESPONSE_VALUE,
  RESULT,
  readMessage,
} from './ldap-message.ts';
import { isRootSearch, rootEntry } from './ldap-root.ts';

const START_TLS = '1.3.6.1.4.1.1466.20037';
const REQUEST_NAME = 0x80;
const START_TLS_REQUEST = encodeElement(OPERATION.extendedRequest, encodeElement(REQUEST_NAME, START_TLS));

/** Base, no aliases, no limits, types and values, `(objectClass=*)`, which extensions (RFC 4511 section 4.5.1). */
const ROOT_SEARCH = encodeElement(
  OPERATION.searchRequest,
  encodeElement(BER.octetString),
  encodeInteger(0, BER.enumerated),
  encodeInteger(0, BER.enumerated),
  encodeInteger(0),
  encodeInteger(0),
  encodeBoolean(false),
  encodeElement(0x87, 'objectClass'),
  encodeElement(BER.sequence, encodeElement(BER.octetString, 'supportedExtension')),
);

/** LDAP (RFC 4511) with its StartTLS operation (section 4.14). */
export const ldap: Protocol = {
  name: 'ldap',
  port: 389,
  implicitPort: 636,
  speaksFirst: 'client',
  specifications: ['RFC 4511', 'RFC 4512', 'RFC 4513', 'RFC 4532'],
  server: ldapServer,
  proxy: (client, upstream, scene) => ldapServer(client, scene, upstream),
  probe: ldapProbe,
  farewell: ldapFarewell,
  audit: ldapAudit(ROOT_SEARCH, START_TLS_REQUEST),
};

/**
 * With an upstream, that shows its root DSE, with our offer of TLS in place of its own. Clients bind before they look, so
 * a simple bind, after which the messages are what they were, does not end the dialogue.
 */
function* ldapServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const service = mayHandOver(client, scene) ? upstream : undefined;
  for (;;) {
    yield* client.begin();
    const request = yield* readMessage(client);
    checkRequest(request);
    const { tag } = request.operation;
    if (tag === OPERATION.unbindRequest) return 'close';
    if (tag === OPERATION.abandonRequest) continue; // never answered, and nothing is left to abandon
    const extension = extensionOf(request);
    if (extension?.name === START_TLS) {
      const refused = upgradeRefusal(client, scene, request, extension);
      if (refused !== undefined) client.reject(startTlsResponse(request, ...refused));
      else {
        const refusal = startTlsResponse(request, ...NOT_NOW);
        yield* client.startTls(startTlsResponse(request, ...ACCEPTED), { refusal });
      }
    } else if (service !== undefined && isForwarded(request)) {
      if ((yield* forward(client, service, scene, request)) === 'notice') return 'close';
    } else if (service === undefined && isRootSearch(request) && !hasCriticalControl(request)) {
      client.write(rootEntry(request, rootAttributes(client, scene)));
      client.write(encodeResult(request, RESULT.success, ''));
    } else if (mayHandOver(client, scene)) {
      client.unread(request.octets);
      return 'handOver';
    } else answer(client, scene, request, extension);
  }
}

function isForwarded(request: LdapMessage): boolean {
  if (isRootSearch(request)) return true;
  if (request.operation.tag !== OPERATION.bindRequest) return false;
  const [, , authentication] = decodeElements(request.operation.content);
  return authentication?.tag === SIMPLE;
}

function* forward(client: Peer, upstream: Peer, scene: Scene, request: LdapMessage): Step<Outcome> {
  const offer = mayUpgrade(client, scene) ? START_TLS : undefined;
  return yield* exchange(client, upstream, request, { withdrawn: START_TLS, offer });
}

const WHO_AM_I = '1.3.6.1.4.1.4203.1.11.3';

type Result = readonly [code: number, text: string];

/** sslyze looks for this text, and for nothing else. */
const ACCEPTED: Result = [RESULT.success, 'Start TLS request accepted.'];
const NOT_NOW: Result = [RESULT.unavailable, 'TLS not available for now'];

interface Extension {
  readonly name: string;
  readonly hasValue: boolean;
}

/** RFC 4511 section 4.12. */
function extensionOf({ operation }: LdapMessage): Extension | undefined {
  if (operation.tag !== OPERATION.extendedRequest) return undefined;
  const [name, ...further] = decodeElements(operation.content);
  return { name: decodeText(name, REQUEST_NAME), hasValue: further.length > 0 };
}

/** RFC 4511 section 4.14.2. */
function upgradeRefusal(
  client: Peer,
  scene: Scene,
  request: LdapMessage,
  { hasValue }: Extension,
): Result | undefined {
  if (hasValue) return [RESULT.protocolError, 'StartTLS takes no value'];
  if (hasCriticalControl(request)) return CONTROL_UNKNOWN;
  if (client.secure) return [RESULT.operationsError, 'TLS is already on'];
  if (!scene.available()) return NOT_NOW;
  return undefined;
}

const CONTROL_UNKNOWN: Result = [RESULT.unavailableCriticalExtension, 'Critical control not supported'];

/** sslscan wants the name in it. */
function startTlsResponse(request: LdapMessage, ...result: Result): string {
  return encodeResult(request, ...result, encodeElement(RESPONSE_NAME, START_TLS));
}

/**
 * What the root DSE lists (RFC 4512 section 5.1). There are no naming contexts, as there is no directory. The
 * application's capabilities are attributes, `name: value`.
 */
function rootAttributes(client: Peer, scene: Scene): readonly (readonly [string, string])[] {
  const theirs = listedCapabilities(client, scene, /^supportedSASLMechanisms *:/i).map(capability => {
    const [name = '', ...value] = capability.split(':');
    return [name.trim(), value.join(':').trim()] as const;
  });
  return [
    ['objectClass', 'top'],
    ...(mayUpgrade(client, scene) ? [['supportedExtension', START_TLS] as const] : []),
    ...(scene.application || needsTls(client, scene) ? [] : [['supportedExtension', WHO_AM_I] as const]),
    ['supportedLDAPVersion', '3'],
    ['vendorName', 'Sallyport'],
    ...theirs,
  ];
}

/** What is neither about TLS nor for an application. */
function answer(client: Peer, scene: Scene, request: LdapMessage, extension: Extension | undefined): void {
  const refused = refusal(client, scene, request, extension);
  if (refused !== undefined) client.reject(encodeResult(request, ...refused));
  // RFC 4532 section 2.2: no name is that of nobody.
  else if (extension !== undefined) {
    client.write(encodeResult(request, RESULT.success, '', encodeElement(RESPONSE_VALUE)));
  } else client.write(encodeResult(request, RESULT.success, ''));
}

function refusal(
  client: Peer,
  scene: Scene,
  request: LdapMessage,
  extension: Extension | undefined,
): Result | undefined {
  if (extension !== undefined && extension.name !== WHO_AM_I) {
    return [RESULT.protocolError, 'Extension not supported'];
  }
  if (needsTls(client, scene)) return [RESULT.confidentialityRequired, 'TLS required: say StartTLS first'];
  if (hasCriticalControl(request)) return CONTROL_UNKNOWN;
  if (extension !== undefined) return undefined;
  if (request.operation.tag === OPERATION.bindRequest) return bindRefusal(request);
  return NO_DIRECTORY;
}

const NO_DIRECTORY: Result = [RESULT.unavailable, 'No directory behind this server'];

/** Anyone may be nobody: ldapsearch binds so before it reads the root DSE (RFC 4513 section 5.1.1). */
function bindRefusal({ operation }: LdapMessage): Result | undefined {
  const [version, name, authentication] = decodeElements(operation.content);
  if (decodeInteger(version) !== 3) return [RESULT.protocolError, 'LDAP version 3 expected'];
  const anonymous = authentication?.tag === SIMPLE && authentication.content.length === 0;
  return anonymous && decodeText(name) === '' ? undefined : NO_DIRECTORY;
}

const SIMPLE = 0x80;

/** Up to the first answer under TLS, whatever it is: many a directory shows its root DSE to nobody it does not know. */
function* ldapProbe(plain: Peer): Dialogue {
  plain.write(encodeMessage(1, START_TLS_REQUEST));
  const { id, operation } = yield* readMessage(plain);
  if (id !== 1) throw new SallyportError('ERR_UNEXPECTED_REPLY', 'not the response to StartTLS');
  const [code] = decodeConstructed(operation, OPERATION.extendedResponse);
  const result = decodeInteger(code, BER.enumerated);
  if (result !== RESULT.success) throw new SallyportError('ERR_TLS_REFUSED', `result ${result}`);
  const secure = yield* plain.connectTls();
  secure.write(encodeMessage(2, ROOT_SEARCH));
  for (let messages = 0; messages < MAX_MESSAGES; messages++) {
    const reply = yield* readMessage(secure);
    if (reply.id !== 2) break;
    if (reply.operation.tag === OPERATION.searchResultDone) return 'handOver';
  }
  throw new SallyportError('ERR_UNEXPECTED_REPLY', 'no end of the search');
}

/** An entry, and a few references to elsewhere. */
const MAX_MESSAGES = 16;

/**
 * RFC 4511 section 4.4.1 has protocolError for what could not be parsed. More behind a StartTLS request than
 * its answer allows is an error in the protocol, too (section 4.14.1). The rest is our being away.
 */
const CODES: { readonly [code in ErrorCode]?: number } = {
  ERR_BAD_SYNTAX: RESULT.protocolError,
  ERR_BAD_COMMANDS: RESULT.protocolError,
  ERR_PLAINTEXT_AFTER_UPGRADE: RESULT.protocolError,
  ERR_TLS_REQUIRED: RESULT.confidentialityRequired,
  ERR_APPLICATION: RESULT.other,
  ERR_INTERNAL: RESULT.other,
};

function ldapFarewell({ code, summary }: SallyportError): string | undefined {
  if (code === 'ERR_PEER_CLOSED' || code === 'ERR_CLIENT_HELLO') return undefined;
  return encodeNotice(CODES[code] ?? RESULT.unavailable, summary);
}
