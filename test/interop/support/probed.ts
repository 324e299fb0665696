import { protocols } from '../../../protocol/index.ts';
import type { ProbeOptions } from '../../../src/probe/probe-options.ts';
import { parseTarget } from '../../../src/probe/probe-target.ts';
import { probe } from '../../../src/probe.ts';

export interface Probed {
  /** The ids of the checks that found something, the worst first. */
  readonly checks: readonly string[];
  /** What they found, for people. */
  readonly message: string;
}

/** Audits a server on a port of this machine, with its authority for the only one. Default: the whole audit. */
export async function probed(
  protocol: string,
  port: number,
  ca: string,
  options: Pick<ProbeOptions, 'only'> = {},
): Promise<Probed> {
  const target = parseTarget(`${protocol}://localhost:${port}`, protocols);
  const { error, findings } = await probe(target, { ca, ...options });
  if (error !== undefined) throw new Error(`not probed: ${error.message}`);
  return { checks: findings.map(({ check }) => check), message: JSON.stringify(findings, null, 2) };
}
