import { expect } from 'chai';
import { protocols } from '../../../protocol/index.ts';
import type { ProbeResult } from '../../../src/probe/probe-result.ts';
import { parseTarget } from '../../../src/probe/probe-target.ts';
import { probeAll } from '../../../src/probe.ts';
import { document, table } from '../../support/document.ts';

export interface FindingsRequest {
  /** PEM of the authority of the servers' certificates, which are for localhost. */
  readonly ca: string;
  /** The targets' URLs by the names that the guide has for them. */
  readonly targets: Readonly<Record<string, string>>;
  /** Checks that find what they find by how bytes come to us, so not each time. */
  readonly unsteady?: readonly string[];
}

/** Probes the targets, all of them at once, and holds what is found to what docs/guide/probe.md says of the server. */
export async function expectFindingsOfGuide(
  server: string,
  { ca, targets, unsteady = [] }: FindingsRequest,
): Promise<void> {
  const names = Object.keys(targets);
  const parsed = Object.values(targets).map(url => parseTarget(url, protocols));
  const results = await probeAll(parsed, { ca, servername: 'localhost' });
  const steady = (checks: readonly string[]) => checks.filter(check => !unsteady.includes(check));
  const found = results.map(({ findings }) => steady(findings.map(({ check }) => check)));
  const said = findingsInGuide(server);
  const evidence = results.map(evidenceOf).join('\n');
  expect(Object.fromEntries(names.map((name, at) => [name, found[at]])), evidence).to.deep.equal(
    Object.fromEntries(Object.entries(said).map(([name, checks]) => [name, steady(checks)])),
  );
  expect(Object.values(said).flat()).to.include.members(unsteady);
  for (const { target, error } of results) expect(error, target.url).to.equal(undefined);
}

function findingsInGuide(server: string): Readonly<Record<string, readonly string[]>> {
  const rows = table(document('docs/guide/probe.md'), 'Server', 'Probed as');
  const own = rows.filter(([name]) => name?.startsWith(`${server} `));
  return Object.fromEntries(own.map(([, as = '', found = '']) => [as, found.match(/[\w-]+(?=`)/g) ?? []]));
}

function evidenceOf({ target, error, findings, transcript }: ProbeResult): string {
  const shown = findings.map(({ check, detail, evidence }) => ({ check, detail, evidence }));
  return JSON.stringify({ url: target.url, error, findings: shown, transcript });
}
