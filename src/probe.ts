import { SallyportError } from './errors.ts';
import { targetName } from './net/dial.ts';
import { carryOut } from './probe/carry-out.ts';
import { firstVisit } from './probe/first-visit.ts';
import { gatherFacts } from './probe/gather-facts.ts';
import { type ProbeOptions, resolveProbeOptions } from './probe/probe-options.ts';
import type { ProbeFacts, ProbeResult } from './probe/probe-result.ts';
import { type ProbeTarget, targetUrl } from './probe/probe-target.ts';
import { Probing } from './probe/probing.ts';
import { Subject } from './probe/subject.ts';

/**
 * Audits a server's in-band TLS: makes one connection on which nothing is tried, finds out the facts, and carries out
 * the checks, one connection at a time. Each wait has the deadline `timeout`. A server that cannot be probed is a
 * result, too, of the verdict `failed`.
 *
 * Rejects with ERR_OPTION for options that cannot be meant, and with ERR_CERTIFICATE for a `ca` or
 * `clientCertificate` that OpenSSL does not take.
 */
export async function probe(target: ProbeTarget, options: ProbeOptions = {}): Promise<ProbeResult> {
  const subject = new Subject(target, resolveProbeOptions(options));
  const startedAt = new Date().toISOString();
  const begun = performance.now();
  const outcome = await probed(subject);
  return {
    target: {
      url: targetUrl(target),
      protocol: target.protocol.name,
      implicit: target.implicit,
      address: targetName(target.address),
      servername: subject.servername,
    },
    startedAt,
    duration: Math.round(performance.now() - begun),
    connections: subject.connections,
    ...outcome,
  };
}

export interface ProbeAllOptions extends ProbeOptions {
  /** How many servers are probed at once. Default 10. */
  readonly concurrency?: number;
  /** Told of each result as it is there. Default: nobody. */
  readonly onResult?: (result: ProbeResult) => void;
}

/**
 * Audits many servers, some of them at once and each with one connection at a time: targets with the same address are
 * probed one after the other. The results are in the order of the targets. Rejects as `probe` does.
 */
export async function probeAll(
  targets: readonly ProbeTarget[],
  { concurrency = 10, onResult, ...options }: ProbeAllOptions = {},
): Promise<readonly ProbeResult[]> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new SallyportError('ERR_OPTION', 'concurrency must be a whole number from 1');
  }
  const servers = new Map<string, number[]>();
  for (const [index, { address }] of targets.entries()) {
    const name = targetName(address);
    servers.set(name, [...(servers.get(name) ?? []), index]);
  }
  const results: ProbeResult[] = [];
  const queue = servers.values();
  const worker = async () => {
    for (const indices of queue) {
      for (const index of indices) {
        const target = targets[index];
        if (target === undefined) continue;
        const result = await probe(target, options);
        results[index] = result;
        onResult?.(result);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, servers.size) }, worker));
  return results;
}

type Outcome = Omit<ProbeResult, 'target' | 'startedAt' | 'duration' | 'connections'>;

async function probed(subject: Subject): Promise<Outcome> {
  try {
    const first = await firstVisit(subject);
    const probing = new Probing(subject, first);
    const facts = await gatherFacts(probing);
    const checked = await carryOut(probing);
    const { error } = first;
    // A server that does not come as far as TLS, for a reason that no check names, speaks another protocol or none.
    const failed = first.reached === 'connected' && error !== undefined && checked.findings.length === 0;
    return {
      verdict: failed ? 'failed' : checked.findings.length > 0 ? 'findings' : 'sound',
      error: failed ? { code: error.code, message: error.message } : undefined,
      ...checked,
      facts,
      transcript: first.moments,
    };
  } catch (error) {
    if (!(error instanceof SallyportError) || error.blame === 'config' || error.blame === 'caller')
      throw error;
    return failure(error);
  }
}

function failure({ code, message }: SallyportError): Outcome {
  return {
    verdict: 'failed',
    error: { code, message },
    findings: [],
    passed: [],
    notTried: [],
    facts: NO_FACTS,
    transcript: [],
  };
}

const NO_FACTS: ProbeFacts = {
  offer: undefined,
  capabilities: undefined,
  tls: undefined,
  versions: [],
  groups: [],
  certificates: [],
  chain: undefined,
  ocspStapled: undefined,
  resumption: [],
  times: { connect: undefined, dialogue: undefined, handshake: undefined, underTls: undefined },
};
