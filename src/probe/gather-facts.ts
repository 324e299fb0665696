import type { X509Certificate } from 'node:crypto';
import { SallyportError } from '../errors.ts';
import { suiteName } from '../wire/cipher-suites.ts';
import { GROUPS } from '../wire/client-offer.ts';
import { printable } from '../wire/printable.ts';
import { certificateFacts, isFor, isIssuedBy, isSelfSigned } from './certificate-facts.ts';
import { groupName } from './offer-hello.ts';
import type {
  CapabilityFacts,
  ChainFacts,
  GroupFacts,
  NegotiatedFacts,
  OfferFacts,
  ProbeFacts,
  ResumptionFacts,
  VersionFacts,
} from './probe-result.ts';
import { type Probing, versionNames } from './probing.ts';
import { resumption } from './resumption.ts';
import { sentChain } from './sent-chain.ts';

const TEXT_LIMIT = 512;

/** Finds out all that is no fault in itself. What cannot be found out is `undefined`; it never rejects. */
export async function gatherFacts(probing: Probing): Promise<ProbeFacts> {
  const { first } = probing;
  const reached = first.reached !== 'connected';
  const versions = reached ? await versionFacts(probing) : [];
  const chain = reached ? await sentChain(probing) : undefined;
  const certificates = chain ?? first.tls?.chain ?? [];
  return {
    offer: offerFacts(probing),
    capabilities: capabilityFacts(probing),
    tls: reached ? await negotiatedFacts(probing) : undefined,
    versions,
    groups: reached ? await groupFacts(probing) : [],
    certificates: certificates.map(certificate => certificateFacts(certificate, Date.now())),
    chain: chainFacts(probing, chain),
    ocspStapled: first.tls?.ocspStapled,
    resumption: first.reached === 'answered' ? await resumptionFacts(probing, versions) : [],
    times: first.times,
  };
}

function offerFacts({ first, command, goAhead, subject }: Probing): OfferFacts | undefined {
  if (subject.target.implicit) return undefined;
  const reached = first.reached !== 'connected';
  return {
    offered: reached || first.error?.code === 'ERR_TLS_REFUSED',
    command: reached ? printable(command, TEXT_LIMIT) : undefined,
    goAhead: reached ? printable(goAhead, TEXT_LIMIT) : undefined,
  };
}

function capabilityFacts({ before, after }: Probing): CapabilityFacts | undefined {
  if (before === undefined && after === undefined) return undefined;
  const escaped = (list: readonly string[]) => list.map(each => printable(each, TEXT_LIMIT));
  const without = (list: readonly string[] = [], other = list) => list.filter(each => !other.includes(each));
  return {
    before: before && escaped(before),
    after: after && escaped(after),
    gone: escaped(without(before, after)),
    added: escaped(without(after, before)),
  };
}

async function versionFacts(probing: Probing): Promise<readonly VersionFacts[]> {
  const all: VersionFacts[] = [];
  for (const version of versionNames) {
    const answer = await orReason(probing.version(version));
    const hello = typeof answer === 'string' ? undefined : answer.flight.hello;
    all.push({
      version,
      accepted: typeof answer === 'string' ? undefined : await probing.accepts(version),
      cipher: hello === undefined ? undefined : suiteName(hello.suite),
      reason: typeof answer === 'string' ? answer : undefined,
    });
  }
  return all;
}

async function negotiatedFacts(probing: Probing): Promise<NegotiatedFacts | undefined> {
  const facts = probing.first.tls?.facts;
  if (facts === undefined) return undefined;
  const answer = await orReason(probing.modern());
  const group = typeof answer === 'string' ? undefined : answer.flight.hello?.group;
  return {
    version: facts.version,
    cipher: facts.cipher,
    group: group === undefined ? undefined : groupName(group),
    postQuantum:
      group === undefined ? undefined : GROUPS.some(({ id, postQuantum }) => id === group && postQuantum),
    alpn: facts.alpn,
  };
}

/** Those that clients of today offer; each costs a connection. */
const ASKED: ReadonlySet<string> = new Set([
  'X25519MLKEM768',
  'SecP256r1MLKEM768',
  'x25519',
  'secp256r1',
  'secp384r1',
]);

async function groupFacts(probing: Probing): Promise<readonly GroupFacts[]> {
  const all: GroupFacts[] = [];
  for (const { name, postQuantum } of GROUPS.filter(group => ASKED.has(group.name))) {
    const answer = await orReason(probing.group(name));
    const accepted = typeof answer === 'string' ? undefined : answer.flight.hello !== undefined;
    all.push({ group: name, postQuantum, accepted });
  }
  return all;
}

function chainFacts(
  { first, subject }: Probing,
  sent: readonly X509Certificate[] | undefined,
): ChainFacts | undefined {
  const leaf = first.tls?.chain[0];
  if (first.tls === undefined || leaf === undefined) return undefined;
  const named = isFor(leaf, subject.servername);
  const fault = first.tls.fault === 'ERR_TLS_CERT_ALTNAME_INVALID' ? undefined : first.tls.fault;
  return {
    trusted: fault === undefined,
    fault,
    named,
    ordered: sent?.every((each, at) => at === 0 || isIssuedBy(sent[at - 1] ?? each, each)),
    rootSent: sent === undefined ? undefined : sent.length > 1 && sent.some(isSelfSigned),
  };
}

async function resumptionFacts(
  probing: Probing,
  versions: readonly VersionFacts[],
): Promise<readonly ResumptionFacts[]> {
  const all: ResumptionFacts[] = [];
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    if (!versions.some(facts => facts.version === version && facts.accepted === true)) continue;
    const facts = await orReason(resumption(probing.subject, version));
    all.push(typeof facts === 'string' ? { version, resumed: undefined, ticketLifetime: undefined } : facts);
  }
  return all;
}

async function orReason<T>(asked: Promise<T>): Promise<T | string> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SallyportError) return error.message;
    throw error;
  }
}
