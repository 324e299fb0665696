import type {
  CapabilityFacts,
  CertificateFacts,
  ChainFacts,
  NegotiatedFacts,
  OfferFacts,
  PhaseTimes,
  ProbeFacts,
  ResumptionFacts,
} from '../../probe/probe-result.ts';
import { counted } from './verdict.ts';

/** Facts of one kind, as lines of a name and a value. */
export interface FactGroup {
  readonly title: string;
  readonly rows: readonly FactRow[];
}

export type FactRow = readonly [name: string, value: string];

type Maybe = readonly [name: string, value: string | undefined];

/** What is known of a server, for people; what is not known is left out. */
export function factGroups(facts: ProbeFacts): readonly FactGroup[] {
  const groups = [
    group('Offer', offer(facts.offer)),
    group('TLS', negotiated(facts.tls)),
    group('Versions', versions(facts)),
    group('Key exchange (TLS 1.3)', keyExchange(facts)),
    ...facts.certificates.map((certificate, index) =>
      group(
        index === 0 ? 'Certificate' : `Certificate ${index + 1} of the chain`,
        certificateRows(certificate),
      ),
    ),
    group('Chain', chain(facts.chain, facts.ocspStapled)),
    group('Resumption', facts.resumption.map(resumption)),
    group('Capabilities', capabilities(facts.capabilities)),
    group('Times', times(facts.times)),
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

function group(title: string, rows: readonly Maybe[]): FactGroup {
  return { title, rows: rows.filter((row): row is FactRow => row[1] !== undefined) };
}

function offer(facts: OfferFacts | undefined): readonly Maybe[] {
  if (facts === undefined) return [];
  return [
    ['TLS', facts.offered ? 'offered' : 'not offered'],
    ['upgrade command', quoted(facts.command)],
    ['go-ahead', quoted(facts.goAhead)],
  ];
}

/** Without the line end, which goes without saying. */
function quoted(words: string | undefined): string | undefined {
  return words?.replace(/(?<!\\)\\x0d\\x0a$/, '');
}

function negotiated(facts: NegotiatedFacts | undefined): readonly Maybe[] {
  if (facts === undefined) return [];
  const { version, cipher, group: exchange, postQuantum, alpn } = facts;
  const resists = postQuantum === undefined ? '' : postQuantum ? ' (post-quantum)' : ' (not post-quantum)';
  return [
    ['version', version],
    ['cipher', cipher],
    ['key exchange', exchange === undefined ? undefined : exchange + resists],
    ['ALPN', alpn ?? 'none'],
  ];
}

function versions(facts: ProbeFacts): readonly Maybe[] {
  return facts.versions.toReversed().map(({ version, accepted, cipher, reason }) => {
    if (accepted === undefined) return [version, `not tried: ${reason ?? 'not known why'}`];
    if (!accepted) return [version, 'refused'];
    return [version, cipher === undefined ? 'accepted' : `accepted, ${cipher}`];
  });
}

function keyExchange(facts: ProbeFacts): readonly Maybe[] {
  return facts.groups.map(({ group: name, postQuantum, accepted }) => {
    const answer = accepted === undefined ? 'not tried' : accepted ? 'accepted' : 'refused';
    return [name, postQuantum ? `${answer} (post-quantum)` : answer];
  });
}

function certificateRows(facts: CertificateFacts): readonly Maybe[] {
  const { daysLeft } = facts;
  const left = daysLeft < 0 ? `expired ${counted(-daysLeft, 'day')} ago` : `${counted(daysLeft, 'day')} left`;
  return [
    ['subject', facts.subject],
    ['names', facts.altNames],
    ['issuer', facts.selfSigned ? 'itself' : facts.issuer],
    ['valid', `${facts.validFrom.slice(0, 10)} to ${facts.validTo.slice(0, 10)}, ${left}`],
    ['key', facts.key],
    ['signature', facts.signature],
    ['SHA-256', facts.fingerprint],
  ];
}

function chain(facts: ChainFacts | undefined, stapled: boolean | undefined): readonly Maybe[] {
  if (facts === undefined) return [];
  return [
    ['trusted', facts.trusted ? 'yes' : `no${facts.fault === undefined ? '' : `: ${facts.fault}`}`],
    ["for the server's name", yesNo(facts.named)],
    ['in order', yesNo(facts.ordered)],
    ['root sent', yesNo(facts.rootSent)],
    ['OCSP response', stapled === undefined ? undefined : stapled ? 'stapled' : 'not stapled'],
  ];
}

function resumption({ version, resumed, ticketLifetime }: ResumptionFacts): Maybe {
  const lives = ticketLifetime === undefined ? '' : `, tickets live ${ticketLifetime} s`;
  return [version, (resumed === undefined ? 'not tried' : resumed ? 'resumed' : 'not resumed') + lives];
}

function capabilities(facts: CapabilityFacts | undefined): readonly Maybe[] {
  if (facts === undefined) return [];
  const list = (names: readonly string[]) => (names.length === 0 ? undefined : names.join(', '));
  return [
    ['before TLS', list(facts.before ?? [])],
    ['under TLS', list(facts.after ?? [])],
    ['only before', list(facts.gone)],
    ['only under TLS', list(facts.added)],
  ];
}

function times({ connect, dialogue, handshake, underTls }: PhaseTimes): readonly Maybe[] {
  const time = (milliseconds: number | undefined) =>
    milliseconds === undefined ? undefined : `${milliseconds.toFixed(1)} ms`;
  return [
    ['connect', time(connect)],
    ['up to the go-ahead', time(dialogue)],
    ['handshake', time(handshake)],
    ['first reply under TLS', time(underTls)],
  ];
}

function yesNo(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? 'yes' : 'no';
}
