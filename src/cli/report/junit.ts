import type { Finding, ProbeResult } from '../../probe/probe-result.ts';
import type { Report } from './report.ts';
import { markup } from './shown.ts';
import { spoken } from './spoken.ts';
import { isAtLeast } from './verdict.ts';

/** Lines of evidence, for each finding. */
const EVIDENCE = 100;

/** For CI systems, as Jenkins and GitLab read it: a suite for each server, a case for each check. */
export function junitReport(report: Report): string {
  const suites = report.results.map(result => suiteOf(result, report));
  const total = (name: keyof Counts) => suites.reduce((sum, { counts }) => sum + counts[name], 0);
  const attributes = `name="sallyport probe" tests="${total('tests')}" failures="${total('failures')}" errors="${total('errors')}"`;
  const lines = suites.flatMap(({ xml }) => xml);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${attributes}>\n${lines.join('\n')}\n</testsuites>\n`;
}

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
}

function suiteOf(
  result: ProbeResult,
  report: Report,
): { readonly counts: Counts; readonly xml: readonly string[] } {
  const { target, findings, passed, notTried, error } = result;
  const classname = `sallyport.${markup(target.url).replaceAll('.', '_')}`;
  const open = (check: string) => `    <testcase classname="${classname}" name="${markup(check)}" time="0"`;
  const cases = [
    ...(error === undefined
      ? []
      : [
          `${open('probe')}>\n      <error type="${error.code}" message="${markup(error.message)}"/>\n    </testcase>`,
        ]),
    ...findings.map(finding => `${open(finding.check)}>\n${findingXml(finding, report)}\n    </testcase>`),
    ...passed.map(check => `${open(check)}/>`),
    ...notTried.map(
      ({ check, reason }) => `${open(check)}>\n      <skipped message="${markup(reason)}"/>\n    </testcase>`,
    ),
  ];
  const counts = {
    tests: cases.length,
    failures: findings.filter(({ severity }) => isAtLeast(severity, report.failOn)).length,
    errors: error === undefined ? 0 : 1,
    skipped: notTried.length,
  };
  const numbers = Object.entries(counts).map(([name, count]) => `${name}="${count}"`);
  const time = (result.duration / 1000).toFixed(3);
  const begun = result.startedAt.slice(0, 19); // the schemas know no fractions and no zone
  const head = `  <testsuite name="${markup(target.url)}" ${numbers.join(' ')} time="${time}" timestamp="${begun}">`;
  return { counts, xml: [head, ...cases, '  </testsuite>'] };
}

/** One that is not bad enough to fail is a case that has passed, and says what was found. */
function findingXml(finding: Finding, { failOn }: Report): string {
  const { severity, title } = finding;
  const body = bodyOf(finding).map(markup).join('\n');
  return isAtLeast(severity, failOn)
    ? `      <failure type="${severity}" message="${markup(title)}">${body}</failure>`
    : `      <system-out>${severity}: ${markup(title)}\n${body}</system-out>`;
}

function bodyOf({ detail, why, remedy, references, evidence }: Finding): readonly string[] {
  const sides = { client: 'C', server: 'S', both: '-' } as const;
  return [
    ...(detail === undefined ? [] : [`Found: ${detail}`]),
    `Why: ${why}`,
    `Do: ${remedy}`,
    `See: ${references.join('; ')}`,
    ...spoken(evidence, EVIDENCE).flatMap(({ kind, by, secure, lines }) =>
      lines.map(line => `${sides[by]}${kind === 'said' ? (secure ? '|' : ':') : '-'} ${line}`),
    ),
  ];
}
