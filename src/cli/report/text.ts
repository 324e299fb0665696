import { styleText } from 'node:util';
import type { Severity } from '../../probe/check-table.ts';
import type { Finding, Moment, ProbeResult } from '../../probe/probe-result.ts';
import { factGroups } from './facts.ts';
import type { Report } from './report.ts';
import { shown } from './shown.ts';
import { spoken } from './spoken.ts';
import { counted, effortOf, reasonsNotTried, summaryOf, verdictOf } from './verdict.ts';
import { wrap } from './wrap.ts';

type Style = Parameters<typeof styleText>[0];

/** How a report is written: its width, and what a style does to a text. */
interface Page extends Report {
  readonly paint: (style: Style, text: string) => string;
}

/** Lines of evidence, for each finding. */
const EVIDENCE = 24;
const WHOLE = 1000;

/** For people: the verdict first, then what is wrong and what to do about it, then the facts. */
export function textReport(report: Report): string {
  // Whether the terminal has colours has been decided already.
  const paint = (style: Style, text: string) =>
    report.colour ? styleText(style, text, { validateStream: false }) : text;
  const page: Page = { ...report, paint };
  const blocks = report.results.map(result => resultLines(page, result).join('\n'));
  if (blocks.length !== 1) {
    const summary = wrap(summaryOf(report.results), { width: report.width });
    blocks.push(summary.map(line => paint('bold', line)).join('\n'));
  }
  return `${blocks.join(`\n\n${'─'.repeat(Math.min(report.width, 80))}\n\n`)}\n`;
}

function resultLines(page: Page, result: ProbeResult): readonly string[] {
  const lines = [...verdictLines(page, result)];
  for (const finding of result.findings) lines.push('', ...findingLines(page, finding));
  if (result.verdict === 'failed') lines.push(...transcriptLines(page, result.transcript));
  else if (page.transcript) lines.push(...transcriptLines(page, result.transcript));
  return [...lines, ...factLines(page, result), ...notTriedLines(page, result)];
}

const WORDS = { sound: 'SOUND', findings: 'FOUND', failed: 'FAILED' } as const;
const VERDICT_STYLES = {
  sound: ['bold', 'green'],
  findings: ['bold', 'yellow'],
  failed: ['bold', 'red'],
} as const;

function verdictLines(page: Page, result: ProbeResult): readonly string[] {
  const { verdict, findings, target } = result;
  const worst = findings[0]?.severity === 'error' ? 'failed' : verdict;
  const word = WORDS[verdict];
  const text = shown(`${word}  ${target.url}  ${verdictOf(result)}`);
  const [first = '', ...rest] = wrap(text, { width: page.width, rest: ' '.repeat(word.length + 2) });
  const head = page.paint([...VERDICT_STYLES[worst]], word) + page.paint('bold', first.slice(word.length));
  const when = result.startedAt.slice(0, 16).replace('T', ' ');
  const effort = wrap(`${effortOf(result)}; ${when} UTC`, { width: page.width });
  return [
    head,
    ...rest.map(line => page.paint('bold', line)),
    ...effort.map(line => page.paint('dim', line)),
  ];
}

const SEVERITY_STYLES = { error: 'red', warning: 'yellow', info: 'cyan' } as const satisfies Record<
  Severity,
  Style
>;

function findingLines(page: Page, finding: Finding): readonly string[] {
  const { severity, check, title, detail, why, remedy, references, evidence } = finding;
  const style = SEVERITY_STYLES[severity];
  const lines = [`${page.paint(['bold', style], severity.toUpperCase())}  ${page.paint('bold', check)}`];
  lines.push(...wrap(`${title}.`, { width: page.width, first: '  ' }).map(line => page.paint(style, line)));
  lines.push(
    ...labelled(page, 'Found', detail),
    ...labelled(page, 'Why', why),
    ...labelled(page, 'Do', remedy),
  );
  lines.push(...labelled(page, 'See', references.join('; ')));
  const seen = momentLines(page, evidence, EVIDENCE);
  if (seen.length > 0) lines.push(`  ${page.paint('dim', 'Seen (ms)')}`, ...seen);
  return lines;
}

function labelled(page: Page, label: string, text: string | undefined): readonly string[] {
  if (text === undefined || text === '') return [];
  const column = `  ${label.padEnd(6)} `;
  const [first = '', ...rest] = wrap(shown(text), { width: page.width, first: column });
  return [page.paint('dim', column) + first.slice(column.length), ...rest];
}

function transcriptLines(page: Page, moments: readonly Moment[]): readonly string[] {
  if (moments.length === 0) return [];
  return ['', page.paint('bold', 'DIALOGUE (ms)'), ...momentLines(page, moments, WHOLE)];
}

const SIDES = { client: 'C', server: 'S', both: '-' } as const;

/** Who said it, under TLS with a bar in front: `C:` in plaintext, `C|` under TLS. */
function momentLines(page: Page, moments: readonly Moment[], limit: number): readonly string[] {
  return spoken(moments, limit).flatMap(({ kind, by, secure, lines, at }) => {
    const time = at.toFixed(1).padStart(9);
    const first = `${time}  ${SIDES[by]}${kind === 'said' ? (secure ? '|' : ':') : '-'} `;
    const rest = ' '.repeat(first.length);
    const style = kind === 'said' ? (secure ? 'green' : 'yellow') : 'dim';
    return lines.flatMap((line, index) => {
      const lead = index === 0 ? first : `${rest.slice(0, -2)}${first.slice(-2)}`;
      return wrap(shown(line), { width: page.width, first: lead, rest }).map((each, piece) =>
        piece > 0 || each.length < lead.length
          ? page.paint(style, each)
          : page.paint('dim', lead) + page.paint(style, each.slice(lead.length)),
      );
    });
  });
}

function factLines(page: Page, result: ProbeResult): readonly string[] {
  const groups = factGroups(result.facts);
  if (groups.length === 0) return [];
  const names = groups.flatMap(({ rows }) => rows.map(([name]) => name.length));
  const indent = Math.min(Math.max(...names), Math.floor(page.width / 3));
  const lines = ['', page.paint('bold', 'FACTS')];
  for (const { title, rows } of groups) {
    lines.push(`  ${page.paint('underline', title)}`);
    for (const [name, value] of rows) {
      const first = `    ${name.padEnd(indent)}  `;
      const [head = '', ...rest] = wrap(shown(value), {
        width: page.width,
        first,
        rest: ' '.repeat(indent + 6),
      });
      lines.push(page.paint('dim', first) + head.slice(first.length), ...rest);
    }
  }
  return lines;
}

function notTriedLines(page: Page, result: ProbeResult): readonly string[] {
  if (result.notTried.length === 0 || result.verdict === 'failed') return [];
  const lines = ['', page.paint('bold', `NOT TRIED: ${counted(result.notTried.length, 'check')}`)];
  for (const [reason, checks] of reasonsNotTried(result)) {
    lines.push(...wrap(shown(`${reason}:`), { width: page.width, first: '  ' }));
    lines.push(
      ...wrap(checks.join(', '), { width: page.width, first: '    ' }).map(line => page.paint('dim', line)),
    );
  }
  return lines;
}
