import { Buffer } from 'node:buffer';
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { suiteName, suitesOf, TLS_1_3_SUITES } from '../wire/cipher-suites.ts';
import {
  type ClientOffer,
  encodeClientHello,
  encodeRecords,
  GROUPS,
  type KeyShare,
  VERSION,
} from '../wire/client-offer.ts';
import { decodeServerFlight, type ServerFlight } from '../wire/server-flight.ts';
import type { Moment } from './probe-result.ts';
import type { Subject } from './subject.ts';
import { Visit } from './visit.ts';

/** What a ClientHello of our own making was answered. */
export interface Answer {
  readonly flight: ServerFlight;
  readonly evidence: readonly Moment[];
}

export interface Sending {
  /** Bytes of the hello in one record. Default: all. */
  readonly recordSize?: number;
  /** How many segments it is cut into, 20 ms apart. Default 1. */
  readonly segments?: number;
}

const SEGMENT_GAP = 20;

/**
 * Makes a connection, sends a ClientHello written by hand where one is due, reads the answer and hangs up. So it does
 * not matter what our own OpenSSL can speak. Rejects as `Visit.begin` and `untilGoAhead` do.
 */
export async function offerHello(
  subject: Subject,
  what: string,
  offer: Partial<ClientOffer>,
  { recordSize, segments = 1 }: Sending = {},
): Promise<Answer> {
  const visit = await Visit.begin(subject);
  try {
    await visit.untilGoAhead();
    const whole: ClientOffer = { ...defaultOffer(subject), ...offer };
    const hello = Buffer.concat(
      encodeRecords(encodeClientHello(whole), Math.max(...whole.versions), recordSize),
    );
    const size = Math.ceil(hello.length / segments);
    for (let at = 0; at < hello.length; at += size) {
      const piece = hello.subarray(at, at + size);
      if (at > 0) await pause(SEGMENT_GAP);
      visit.send(
        piece,
        `ClientHello: ${what}${segments === 1 ? '' : `, bytes ${at} to ${at + piece.length - 1}`}`,
      );
    }
    const { bytes } = await visit.receive(received => decodeServerFlight(received).complete);
    const flight = decodeServerFlight(bytes);
    visit.note('server', answerText(flight));
    return { flight, evidence: visit.moments };
  } finally {
    await visit.end();
  }
}

/** All that a version up to 1.2 has, strong or not. */
function defaultOffer(subject: Subject): ClientOffer {
  return {
    versions: [VERSION.tls12],
    suites: suitesOf(),
    groups: GROUPS.filter(({ postQuantum }) => !postQuantum).map(({ id }) => id),
    shares: [],
    servername: subject.sni,
    alpn: subject.target.protocol.alpn ?? [],
    random: randomBytes(64),
  };
}

/** What a client of today offers: TLS 1.3 and 1.2, and a post-quantum key exchange. */
export function modernOffer(): Partial<ClientOffer> {
  return {
    versions: [VERSION.tls13, VERSION.tls12],
    suites: [...TLS_1_3_SUITES.slice(0, 3), ...suitesOf('usable')],
    groups: GROUPS.map(({ id }) => id),
    shares: [hybridShare(), { group: GROUPS[3].id, key: randomBytes(32) }],
  };
}

/**
 * A key share of X25519MLKEM768 that passes every check of it (FIPS 203 section 7.2): 768 coefficients below 3329 of
 * 12 bits each, a seed, and a point. Nobody has the key to it, as nothing is ever decrypted.
 */
function hybridShare(): KeyShare {
  const coefficients = Buffer.alloc(1152);
  for (let at = 0; at < coefficients.length; at += 3) {
    const [low, high] = [randomInt(3329), randomInt(3329)];
    coefficients[at] = low & 0xff;
    coefficients[at + 1] = (low >> 8) | ((high & 0x0f) << 4);
    coefficients[at + 2] = high >> 4;
  }
  return { group: GROUPS[0].id, key: Buffer.concat([coefficients, randomBytes(32), randomBytes(32)]) };
}

/** RFC 8446 section 6. */
const ALERTS: Readonly<Record<number, string>> = {
  40: 'handshake_failure',
  47: 'illegal_parameter',
  50: 'decode_error',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  109: 'missing_extension',
  112: 'unrecognized_name',
  116: 'certificate_required',
  120: 'no_application_protocol',
};

const VERSION_NAMES: Readonly<Record<number, string>> = {
  [VERSION.ssl3]: 'SSLv3',
  [VERSION.tls10]: 'TLSv1',
  [VERSION.tls11]: 'TLSv1.1',
  [VERSION.tls12]: 'TLSv1.2',
  [VERSION.tls13]: 'TLSv1.3',
};

function answerText({ hello, alert, plaintext }: ServerFlight): string {
  if (plaintext !== undefined) return 'plaintext in place of TLS';
  if (hello !== undefined) {
    const { retry, version, suite, group } = hello;
    const kind = retry ? 'HelloRetryRequest' : 'ServerHello';
    const by = group === undefined ? '' : `, ${groupName(group)}`;
    return `${kind}: ${VERSION_NAMES[version] ?? version}, ${suiteName(suite)}${by}`;
  }
  return alert === undefined ? 'no ServerHello' : `alert ${alert} ${ALERTS[alert] ?? ''}`.trimEnd();
}

/** IANA's name of a group, or its number where it is none of ours. */
export function groupName(id: number): string {
  return GROUPS.find(group => group.id === id)?.name ?? `0x${id.toString(16).padStart(4, '0')}`;
}
