import {
  type CheckEntry,
  type CheckId,
  checkIds,
  checkTable,
  type Severity,
} from '../../probe/check-table.ts';
import type { Finding, ProbeResult, TargetFacts } from '../../probe/probe-result.ts';
import type { Report } from './report.ts';
import { spoken } from './spoken.ts';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';
const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const satisfies Record<
  Severity,
  string
>;
const EVIDENCE = 60;

/** For code scanning: SARIF 2.1.0, with a rule for each check and a result for each finding. */
export function sarifReport({ results, version }: Report): string {
  const failed = results.flatMap(notificationOf);
  const run = {
    tool: { driver: { name: 'sallyport', version, rules: checkIds.map(ruleOf) } },
    invocations: [{ executionSuccessful: failed.length === 0, toolExecutionNotifications: failed }],
    results: results.flatMap(result => result.findings.map(finding => resultOf(finding, result.target))),
  };
  return `${JSON.stringify({ $schema: SCHEMA, version: '2.1.0', runs: [run] }, undefined, 2)}\n`;
}

function ruleOf(id: CheckId) {
  const { title, why, remedy, references, severity, family }: CheckEntry = checkTable[id];
  return {
    id,
    shortDescription: { text: `${title}.` },
    fullDescription: { text: why },
    help: { text: `${remedy}\n\nSee: ${references.join('; ')}` },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: { tags: ['security', family] },
  };
}

function resultOf({ check, severity, title, detail, evidence }: Finding, target: TargetFacts) {
  const found = detail === undefined ? `${title}.` : `${title}: ${detail}.`;
  const seen = spoken(evidence, EVIDENCE).flatMap(({ by, lines }) => lines.map(line => `${by}: ${line}`));
  return {
    ruleId: check,
    ruleIndex: checkIds.indexOf(check),
    level: LEVELS[severity],
    message: { text: [`${target.url}: ${found}`, ...seen].join('\n') },
    locations: [locationOf(target)],
    partialFingerprints: { 'checkAndTarget/v1': `${check} ${target.url}` },
  };
}

/** A server has no file, and code scanning insists on one: a path that is made of the target stands for it. */
function locationOf({ url, protocol, address }: TargetFacts) {
  const path = `${protocol}/${address.replace(/^\/+/, '')}`;
  return {
    physicalLocation: { artifactLocation: { uri: encodeURI(path) }, region: { startLine: 1 } },
    logicalLocations: [{ fullyQualifiedName: url, kind: 'resource' }],
  };
}

function notificationOf({ error, target }: ProbeResult) {
  if (error === undefined) return [];
  const text = `${target.url} could not be probed: ${error.message}`;
  return [
    { level: 'error', descriptor: { id: error.code }, message: { text }, locations: [locationOf(target)] },
  ];
}
