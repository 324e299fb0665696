import { createHash } from 'node:crypto';
import type { Finding, Moment, ProbeResult } from '../../probe/probe-result.ts';
import { type FactGroup, factGroups } from './facts.ts';
import { STYLE } from './html-style.ts';
import type { Report } from './report.ts';
import { sequence } from './sequence.ts';
import { markup } from './shown.ts';
import { counted, effortOf, reasonsNotTried, summaryOf, verdictOf } from './verdict.ts';

/** Lines of a picture, for each finding and for the whole dialogue. */
const EVIDENCE = 40;
const WHOLE = 400;

/** One file that needs nothing else, for a ticket: no script, and a policy that allows none. */
export function htmlReport({ results, version }: Report): string {
  const title = results.length === 1 ? (results[0]?.target.url ?? '') : summaryOf(results);
  return `${[
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${styleHash()}'; base-uri 'none'; form-action 'none'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${markup(title)}: TLS audit</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<header><h1>Audit of in-band TLS</h1></header>',
    '<main>',
    ...(results.length === 1 ? [] : [overview(results)]),
    ...results.map(serverHtml),
    '</main>',
    `<footer class="server"><p class="quiet">Sallyport ${markup(version)}. Times are in UTC. What a server said is escaped: \\xNN is a byte; line ends (CRLF) are not shown.</p></footer>`,
    '</body>',
    '</html>',
  ].join('\n')}\n`;
}

function styleHash(): string {
  return `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;
}

function overview(results: readonly ProbeResult[]): string {
  const rows = results.map((result, index) => {
    const link = `<a href="#server-${index + 1}">${markup(result.target.url)}</a>`;
    return `<tr><td>${link}</td><td class="${toneOf(result)}">${markup(verdictOf(result))}</td></tr>`;
  });
  const head = '<thead><tr><th>Server</th><th>Verdict</th></tr></thead>';
  return `<h2>${summaryOf(results)}</h2>\n<table>${head}<tbody>\n${rows.join('\n')}\n</tbody></table>`;
}

/** By its worst finding. */
function toneOf({ verdict, findings }: ProbeResult): string {
  if (verdict === 'failed') return 'error';
  return findings[0]?.severity ?? 'sound';
}

const LEADS = { sound: 'Sound', findings: 'Found', failed: 'Could not be probed' } as const;

function serverHtml(result: ProbeResult, index: number): string {
  const { target, findings, transcript, startedAt, verdict } = result;
  const groups = factGroups(result.facts);
  return [
    `<section class="server" id="server-${index + 1}">`,
    `<h2>${markup(target.url)}</h2>`,
    `<p class="verdict ${toneOf(result)}">${LEADS[verdict]}: ${markup(verdictOf(result))}</p>`,
    `<p class="quiet">${startedAt.slice(0, 16).replace('T', ' ')} UTC. Name asked for: ${markup(target.servername)}. ${effortOf(result)}.</p>`,
    ...(findings.length === 0 ? [] : ['<h3>What is wrong</h3>', ...findings.map(findingHtml)]),
    ...(transcript.length === 0 ? [] : ['<h3>The dialogue</h3>', picture(transcript, WHOLE)]),
    ...(groups.length === 0 ? [] : ['<h3>Facts</h3>', factsHtml(groups)]),
    ...(verdict === 'failed' ? [] : [checksHtml(result)]),
    '</section>',
  ].join('\n');
}

function findingHtml({ severity, check, title, detail, why, remedy, references, evidence }: Finding): string {
  const told = [
    ...(detail === undefined ? [] : [['Found', detail] as const]),
    ['Why', why] as const,
    ['Do', remedy] as const,
    ['See', references.join('; ')] as const,
  ].map(([name, text]) => `<dt>${name}</dt><dd>${markup(text)}</dd>`);
  return [
    `<article class="finding ${severity}">`,
    `<p class="mark">${severity}: <code>${check}</code></p>`,
    `<h4>${markup(title)}.</h4>`,
    `<dl class="told">${told.join('')}</dl>`,
    ...(evidence.length === 0
      ? []
      : [`<details open><summary>What was seen</summary>\n${picture(evidence, EVIDENCE)}\n</details>`]),
    '</article>',
  ].join('\n');
}

/** Twice, as a picture cannot break its lines: for a wide window and for a narrow one. */
function picture(moments: readonly Moment[], limit: number): string {
  return [
    sequence(moments, { width: 760, limit }).replace('class="', 'class="wide '),
    sequence(moments, { width: 340, limit }).replace('class="', 'class="narrow '),
  ].join('\n');
}

function factsHtml(groups: readonly FactGroup[]): string {
  const html = groups.map(({ title, rows }) => {
    const items = rows.map(([name, value]) => `<dt>${markup(name)}</dt><dd>${markup(value)}</dd>`);
    return `<div><h4>${markup(title)}</h4><dl>${items.join('')}</dl></div>`;
  });
  return `<div class="facts">\n${html.join('\n')}\n</div>`;
}

function checksHtml(result: ProbeResult): string {
  const { passed, notTried } = result;
  const codes = (checks: readonly string[]) =>
    checks.map(check => `<code>${markup(check)}</code>`).join(', ');
  const reasons = [...reasonsNotTried(result)].map(
    ([reason, checks]) => `<li>${markup(reason)}: ${codes(checks)}</li>`,
  );
  return [
    '<h3>Checks</h3>',
    `<p>${counted(passed.length, 'check')} found nothing: ${codes(passed)}</p>`,
    ...(notTried.length === 0
      ? []
      : [`<p>${notTried.length} not tried:</p>`, `<ul>${reasons.join('\n')}</ul>`]),
  ].join('\n');
}
