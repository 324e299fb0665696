/** The style of the live page: light and dark as the reader has it, from 400 pixels on. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --panel: #ffffff; --text: #1c2128; --quiet: #59636e; --rule: #dfe3e8; --track: #eceff2;
  --error: #b3261e; --warning: #8a5a00; --info: #0b62a8; --plain: #d0902b; --secure: #1a7f45; --focus: #0b62a8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101317; --panel: #181c21; --text: #e4e7eb; --quiet: #9aa4af; --rule: #2c323a; --track: #262c33;
    --error: #ff8a80; --warning: #f0bd5c; --info: #7cc0ff; --plain: #d9a441; --secure: #5cc085; --focus: #7cc0ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 0 1.25rem 2rem; max-width: 90rem; background: var(--page); color: var(--text);
  font: 0.9375rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, dl, dd, ol, ul, figure { margin: 0; padding: 0; }
ol, ul { list-style: none; }
h1 { font-size: 1.15rem; font-weight: 650; }
h2 { font-size: 0.95rem; font-weight: 650; }
h3 { font-size: 0.8rem; font-weight: 600; color: var(--quiet); margin: 0.9rem 0 0.3rem; }
a { color: inherit; }
code, .code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.8rem; }
.quiet { color: var(--quiet); font-size: 0.85rem; font-weight: 400; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.skip { position: absolute; left: -100vw; top: 0; padding: 0.5rem 1rem; background: var(--panel); }
.skip:focus { left: 0; z-index: 1; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.35rem 0.75rem; padding: 1rem 0; }
header img { display: block; }
.pill { padding: 0.1rem 0.6rem; border-radius: 1rem; border: 1px solid; font-size: 0.8rem; font-weight: 600; color: var(--secure); }
.pill:empty { display: none; }
.pill.not { color: var(--warning); }
.contact { margin-left: auto; display: flex; align-items: center; gap: 0.45rem; font-size: 0.85rem; color: var(--quiet); }
.contact::before { content: ""; width: 0.6rem; height: 0.6rem; border-radius: 50%; background: var(--secure); }
.contact.lost { color: var(--error); font-weight: 600; }
.contact.lost::before { background: none; border: 2px solid var(--error); }
.contact:empty { display: none; }
.stale main, .stale .pill { opacity: 0.45; }
.notice { background: var(--panel); border: 1px solid var(--rule); border-radius: 0.6rem; padding: 1rem 1.25rem; margin-bottom: 1rem; }
.notice div { display: flex; gap: 0.5rem; margin-top: 0.5rem; max-width: 32rem; }
input, button, select { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--rule); border-radius: 0.4rem; padding: 0.3rem 0.6rem; }
input { flex: 1; min-width: 0; }
button { background: var(--secure); border-color: var(--secure); color: var(--panel); font-weight: 600; cursor: pointer; }
#token-fault { color: var(--error); }
main { display: grid; gap: 1rem; }
main[hidden] { display: none; }
section, figure, .tiles > div { background: var(--panel); border: 1px solid var(--rule); border-radius: 0.6rem; padding: 0.9rem 1.1rem 1rem; min-width: 0; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 0.25rem 1rem; }
select { padding: 0.15rem 0.4rem; max-width: 14rem; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 1rem; }
.tiles > div { padding: 0.75rem 1rem; }
dt { color: var(--quiet); font-size: 0.8rem; }
.tiles dd.value { font-size: 1.75rem; line-height: 1.25; font-weight: 600; letter-spacing: -0.01em; white-space: nowrap; }
.tiles dd.value small { font-size: 0.9rem; font-weight: 500; color: var(--quiet); letter-spacing: 0; margin-left: 0.25rem; }
.tiles dd.note { color: var(--quiet); font-size: 0.8rem; }
.warning { color: var(--warning); } .error { color: var(--error); }
.funnel { margin: 0.7rem 0 0.4rem; display: grid; gap: 0.3rem; }
.funnel li { display: grid; grid-template-columns: 7rem minmax(0, 1fr) 4rem 3.75rem 14rem; align-items: center; gap: 0.75rem; }
.bar { display: block; height: 1.15rem; border-radius: 0.25rem; background: var(--track); overflow: hidden; }
.bar::before { content: ""; display: block; height: 100%; width: calc(var(--share, 0) * 100%); background: var(--tone, var(--secure)); border-radius: 0.25rem; }
.plain { --tone: var(--plain); }
.funnel .count, .funnel .share { text-align: right; white-space: nowrap; }
.funnel .count { font-weight: 600; }
.funnel .share, .funnel .lost { color: var(--quiet); font-size: 0.85rem; }
.charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem; }
figure { padding-bottom: 0.6rem; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; min-height: 1.6rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0 0.9rem; font-size: 0.8rem; color: var(--quiet); }
.legend span::before { content: ""; display: inline-block; width: 0.7rem; height: 0.2rem; border-radius: 1px; margin-right: 0.35rem; vertical-align: middle; background: var(--tone, var(--secure)); }
.legend em { font-style: normal; }
.legend b { color: var(--text); font-weight: 600; }
.plot { height: 10rem; margin: 0.4rem -0.4rem 0 -0.5rem; }
.u-hz .u-cursor-x { border-color: var(--quiet); }
table { width: 100%; border-collapse: collapse; margin-top: 0.5rem; }
th { text-align: left; font-size: 0.78rem; font-weight: 500; color: var(--quiet); padding: 0.25rem 0.9rem 0.25rem 0; border-bottom: 1px solid var(--rule); vertical-align: bottom; }
td { padding: 0.32rem 0.9rem 0.32rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
th.number, td.number { text-align: right; white-space: nowrap; }
td small { display: block; color: var(--quiet); font-size: 0.78rem; font-weight: 400; }
td.none { color: var(--quiet); }
td.warning, td.error { font-weight: 600; }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; align-items: start; }
.columns > div { display: grid; gap: 1rem; }
.shares { margin-top: 0.5rem; }
.shares li { display: grid; grid-template-columns: minmax(0, 1fr) auto 3.5rem; gap: 0.15rem 0.75rem; font-size: 0.875rem; padding: 0.15rem 0; }
.shares li > span { overflow-wrap: anywhere; }
.shares small { display: block; color: var(--quiet); font-size: 0.78rem; }
.shares li > span:nth-child(n + 2) { text-align: right; color: var(--quiet); white-space: nowrap; }
.shares .bar { grid-column: 1 / -1; height: 0.35rem; }
#failures li { padding: 0.3rem 0; --tone: var(--info); }
#failures li.ours { --tone: var(--error); }
#failures li > span:nth-child(2) { color: var(--text); font-weight: 600; }
td .bar { display: inline-block; width: 5rem; height: 0.4rem; margin-right: 0.75rem; vertical-align: 0.12rem; }
.facts { margin-top: 0.5rem; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.35rem 1rem; }
.facts dd { text-align: right; font-weight: 500; }
.facts dt { font-size: 0.875rem; }
footer { padding: 1.25rem 0 0; }
@media (max-width: 68rem) {
  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .charts, .columns { grid-template-columns: minmax(0, 1fr); }
  .funnel li { grid-template-columns: 6.5rem minmax(0, 1fr) 4.5rem 3.5rem; }
  .funnel .lost { display: none; }
}
@media (max-width: 44rem) {
  body { padding: 0 0.75rem 1.5rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.6rem; }
  main, .charts, .columns, .columns > div { gap: 0.6rem; }
  section, figure { padding: 0.75rem 0.85rem 0.85rem; }
  .tiles dd.value { font-size: 1.45rem; }
  .wide, td .bar.wide { display: none; }
  .funnel li { grid-template-columns: 6rem minmax(0, 1fr) auto 3.6rem; gap: 0.5rem; font-size: 0.875rem; }
  th, td { padding-right: 0.55rem; }
  td { font-size: 0.875rem; }
  #since { order: 1; }
}
@media (prefers-reduced-motion: no-preference) {
  .bar::before { transition: width 0.4s ease-out; }
}
`;
