import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../options.ts';
import type { ClientJudgement } from '../wire/client-hello.ts';
import { VERSION } from '../wire/client-offer.ts';
import type { CertificateSet } from './certificate-choice.ts';

/**
 * Which of certificates side by side a client can judge for sure: one that is not RSA before RSA, as OpenSSL would choose;
 * `undefined` where it cannot be told from the ClientHello, which is then OpenSSL's to answer.
 */
export function suitedTo(client: ClientJudgement, set: CertificateSet): Certificate | undefined {
  // Those clients look at each signature of a chain.
  if (client.particular) return undefined;
  const suited = set.filter(certificate => suits(client, kindOf(certificate)));
  return suited.find(certificate => kindOf(certificate)?.name !== 'rsa') ?? suited[0];
}

interface Kind {
  readonly name: string;
  /** The named group of the key. */
  readonly group?: number;
  /** The signatures in TLS 1.3 (RFC 8446 section 4.2.3): a curve has one of its own. */
  readonly signatures: readonly number[];
  /** The same in TLS 1.2, and the suites (RFC 5246 section 7.4.1.4.1, RFC 5289, RFC 7905). */
  readonly before: readonly number[];
  readonly suites: readonly number[];
}

const ECDSA = { before: [0x0403, 0x0503, 0x0603], suites: [0xc02b, 0xc02c, 0xcca9] };

const kinds: readonly Kind[] = [
  { name: 'prime256v1', group: 23, signatures: [0x0403], ...ECDSA },
  { name: 'secp384r1', group: 24, signatures: [0x0503], ...ECDSA },
  { name: 'secp521r1', group: 25, signatures: [0x0603], ...ECDSA },
  { name: 'ed25519', signatures: [0x0807], before: [0x0807], suites: ECDSA.suites },
  { name: 'ed448', signatures: [0x0808], before: [0x0808], suites: ECDSA.suites },
  {
    name: 'rsa',
    signatures: [0x0804, 0x0805, 0x0806],
    before: [0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806],
    suites: [0xc02f, 0xc030, 0xcca8],
  },
];

function suits({ versions, suites, groups, signatures }: ClientJudgement, kind: Kind | undefined): boolean {
  if (kind === undefined) return false;
  const among = (own: readonly number[], offered: readonly number[]) =>
    own.some(each => offered.includes(each));
  if (versions.includes(VERSION.tls13)) return among(kind.signatures, signatures);
  const curve = kind.group === undefined || groups.includes(kind.group);
  return curve && among(kind.before, signatures) && among(kind.suites, suites);
}

const known = new WeakMap<Certificate, Kind | undefined>();

function kindOf(certificate: Certificate): Kind | undefined {
  if (!known.has(certificate)) known.set(certificate, kindOfKey(certificate));
  return known.get(certificate);
}

function kindOfKey({ cert }: Certificate): Kind | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails } = new X509Certificate(cert).publicKey;
  const name = asymmetricKeyType === 'ec' ? asymmetricKeyDetails?.namedCurve : asymmetricKeyType;
  return kinds.find(kind => kind.name === name);
}
