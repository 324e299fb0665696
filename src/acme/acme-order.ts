import type { Client } from 'acme-client';
import { SallyportError } from '../errors.ts';
import type { ChallengeListener } from '../net/challenge-listener.ts';
import type { Certificate } from '../options.ts';
import type { Server } from '../server.ts';
import { type AcmeOptions, LETS_ENCRYPT } from './acme-options.ts';
import { keptAccountKey } from './kept-account.ts';

/** Who shows the authority that the names are ours: either is enough. */
export interface ChallengeAnswerers {
  /** HTTP-01, on port 80. */
  readonly http?: ChallengeListener;
  /** TLS-ALPN-01 (RFC 8737): servers that the authority reaches on port 443, with the policy `implicit` or `auto`. */
  readonly servers?: readonly Server[];
}

/** How long an authority may take for one answer, in milliseconds. */
const TIMEOUT = 30_000;

/** Orders a certificate and answers the challenges for it; rejects with ERR_ACME, which says what the authority said. */
export async function orderCertificate(
  names: readonly string[],
  options: AcmeOptions,
  answerers: ChallengeAnswerers,
): Promise<Certificate> {
  const acme = await import('acme-client');
  acme.axios.defaults.timeout = TIMEOUT;
  // The caller tries again, less often.
  Object.assign(acme.axios.defaults, { acmeSettings: { retryMaxAttempts: 0 } });
  try {
    const client = await clientOf(acme, options);
    const [key, csr] = await acme.crypto.createCsr(
      { altNames: [...names] },
      await acme.crypto.createPrivateEcdsaKey('P-256'),
    );
    const cert = await client.auto({
      csr,
      ...(options.contact === undefined ? {} : { email: options.contact }),
      termsOfServiceAgreed: options.termsAgreed,
      // It would be our own view of the names, from within.
      skipChallengeVerification: true,
      challengePriority: [answerers.http === undefined ? 'tls-alpn-01' : 'http-01'],
      challengeCreateFn: (authorization, challenge, proof) =>
        answer(acme, answerers, authorization, challenge, proof),
      challengeRemoveFn: async (authorization, challenge) => silence(answerers, authorization, challenge),
    });
    return { cert, key: key.toString() };
  } catch (cause) {
    throw new SallyportError('ERR_ACME', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

type Acme = typeof import('acme-client');
type Authorization = import('acme-client').Authorization;
type Challenge = Authorization['challenges'][number];

async function clientOf(acme: Acme, { folder, authority = LETS_ENCRYPT }: AcmeOptions): Promise<Client> {
  const make = async () => (await acme.crypto.createPrivateEcdsaKey('P-256')).toString();
  return new acme.Client({ directoryUrl: authority, accountKey: await keptAccountKey(folder, make) });
}

async function answer(
  acme: Acme,
  { http, servers = [] }: ChallengeAnswerers,
  authorization: Authorization,
  challenge: Challenge,
  proof: string,
): Promise<void> {
  const type: string = challenge.type; // its type has no tls-alpn-01
  if (type === 'http-01' && http !== undefined) return http.set(challenge.token, proof);
  if (type !== 'tls-alpn-01') throw new Error(`no challenge that can be answered: ${type}`);
  const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, proof);
  const certificate = { cert: cert.toString(), key: key.toString() };
  for (const server of servers) server.answerChallenge(authorization.identifier.value, certificate);
}

function silence(
  { http, servers = [] }: ChallengeAnswerers,
  { identifier }: Authorization,
  { token }: Challenge,
): void {
  http?.set(token, undefined);
  for (const server of servers) server.answerChallenge(identifier.value, undefined);
}
