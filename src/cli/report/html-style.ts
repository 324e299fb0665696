/** The style of the HTML report: light and dark as the reader has it, from 400 pixels on, and on paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --raised: #f6f7f9; --text: #1c2128; --quiet: #59636e; --rule: #d5dae0;
  --error: #b3261e; --warning: #8a5a00; --info: #0b62a8; --sound: #176b3a;
  --plain: #8a5a00; --plain-band: #fff6e0; --secure: #176b3a; --secure-band: #e8f6ec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --raised: #1d2127; --text: #e4e7eb; --quiet: #9aa4af; --rule: #363d46;
    --error: #ff8a80; --warning: #f0bd5c; --info: #7cc0ff; --sound: #7bd69b;
    --plain: #f0bd5c; --plain-band: #2c2514; --secure: #7bd69b; --secure-band: #14291c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1, h2, h3, h4 { line-height: 1.25; margin: 0; }
h1 { font-size: 1rem; font-weight: 600; color: var(--quiet); }
h2 { font-size: 1.4rem; margin: 0.75rem 0 0.6rem; overflow-wrap: anywhere; }
h3 { font-size: 1.1rem; margin: 2rem 0 0.75rem; }
h4 { font-size: 0.95rem; margin: 0 0 0.35rem; }
p { margin: 0 0 0.5rem; }
a { color: inherit; }
code, pre, svg text, dd { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.quiet { color: var(--quiet); font-size: 0.9rem; }
.verdict { font-size: 1.1rem; font-weight: 600; padding: 0.6rem 0.9rem; border-left: 0.35rem solid; background: var(--raised); }
.error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); } .sound { color: var(--sound); }
.server { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: 1rem; }
.server:first-child { border: 0; margin: 0; padding: 0; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 0.95rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
.finding { border: 1px solid var(--rule); border-left: 0.35rem solid; border-radius: 0.35rem; padding: 0.9rem 1rem; margin: 0 0 1rem; }
.finding > * { color: var(--text); }
.finding h4 { font-size: 1.02rem; }
.finding .mark { font-weight: 600; font-size: 0.85rem; color: inherit; }
.finding.error .mark { color: var(--error); } .finding.warning .mark { color: var(--warning); } .finding.info .mark { color: var(--info); }
dl { margin: 0; display: grid; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); gap: 0.15rem 1rem; font-size: 0.9rem; }
dt { color: var(--quiet); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; font-size: 0.84rem; line-height: 1.6; }
.told { grid-template-columns: 4rem minmax(0, 1fr); margin: 0.6rem 0; }
.told dd { font: inherit; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2rem; align-items: start; }
details { margin-top: 0.6rem; } summary { cursor: pointer; color: var(--quiet); font-size: 0.9rem; }
ul { margin: 0; padding-left: 1.2rem; } p code, li code { white-space: nowrap; } li { margin-bottom: 0.4rem; overflow-wrap: anywhere; }
svg.sequence { display: block; width: 100%; height: auto; margin-top: 0.5rem; }
svg.narrow { display: none; }
svg text { fill: var(--text); font-size: 11px; white-space: pre; }
svg .peer { fill: var(--quiet); font-size: 12px; font-weight: 600; } svg .end { text-anchor: end; }
svg .name { text-anchor: middle; font-size: 11px; font-weight: 600; font-family: system-ui, sans-serif; }
svg text.name.plain { fill: var(--plain); } svg text.name.secure { fill: var(--secure); }
svg text.note { fill: var(--quiet); font-style: italic; }
svg .band { stroke: none; } svg .band.plain { fill: var(--plain-band); } svg .band.secure { fill: var(--secure-band); }
svg .shaft { stroke-width: 1.3; fill: none; } svg .life { stroke: var(--quiet); stroke-width: 1.3; fill: none; }
svg .shaft.plain { stroke: var(--plain); stroke-dasharray: 5 4; } svg .shaft.secure { stroke: var(--secure); }
svg .shaft.note { stroke: var(--quiet); stroke-dasharray: 1 3; }
svg .head.plain { fill: var(--plain); } svg .head.secure { fill: var(--secure); } svg .head.note { fill: var(--quiet); }
@media (max-width: 46rem) {
  body { padding: 1rem 0.75rem 3rem; }
  svg.wide { display: none; } svg.narrow { display: block; }
  dl { grid-template-columns: 8.6rem minmax(0, 1fr); gap: 0.15rem 0.6rem; } dd { font-size: 0.8rem; }
  .told { grid-template-columns: 3rem minmax(0, 1fr); }
  .finding { padding: 0.8rem 0.7rem; }
}
@media print { body { max-width: none; } .finding, svg { break-inside: avoid; } }
`;
