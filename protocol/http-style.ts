/**
 * How the page looks. The browser takes this style and no other, by its hash: a change here needs a new
 * `STYLE_HASH`, which `test/protocol/http.test.ts` tells.
 */
export const STYLE = `
:root{color-scheme:light dark;--ground:#f4f5f2;--card:#fff;--ink:#1a211e;--soft:#5b6661;--line:#dfe3de;--plain:#a8610b;--secure:#16774c;--tint:#e5f3eb}
@media (prefers-color-scheme:dark){:root{--ground:#0f1412;--card:#171e1b;--ink:#e8edea;--soft:#96a39c;--line:#2a3430;--plain:#e0a04c;--secure:#56c48f;--tint:#16291f}}
*{box-sizing:border-box;margin:0}
body{background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;padding:clamp(1rem,4vw,4rem) clamp(1rem,4vw,3rem)}
main{max-width:60rem;margin:0 auto;display:grid;gap:clamp(1rem,2vw,1.5rem);grid-template-columns:minmax(0,1fr)}
header p:first-child{font-size:.8125rem;font-weight:600;letter-spacing:.14em;text-transform:uppercase;color:var(--soft)}
h1{font-size:clamp(2rem,6vw,3.25rem);line-height:1.1;letter-spacing:-.025em;margin:.35rem 0 .6rem;color:var(--plain)}
.secure h1{color:var(--secure)}
header p:last-child{color:var(--soft);max-width:40rem}
ol{list-style:none;display:flex;gap:1.75rem;padding:0}
li{position:relative;flex:1 1 0;min-width:0;background:var(--card);border:1px solid var(--line);border-top:3px solid var(--mark,var(--soft));border-radius:.5rem;padding:.7rem .85rem}
li+li::before{content:"\\2192";content:"\\2192"/"";position:absolute;right:100%;top:50%;width:1.75rem;text-align:center;transform:translateY(-50%);color:var(--soft)}
li.plain{--mark:var(--plain)}
li.secure{--mark:var(--secure);background:var(--tint)}
li b{display:block;font:600 1rem/1.4 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
li span{color:var(--soft);font-size:.8125rem}
dl{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:.4rem clamp(1rem,3vw,1.5rem)}
dl div{display:grid;grid-template-columns:12rem minmax(0,1fr);gap:.1rem 1.5rem;padding:.6rem 0;border-top:1px solid var(--line)}
dl div:first-child{border-top:0}
dt{color:var(--soft)}
dd{font:.9375rem/1.6 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:.875rem}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;color:var(--ink)}
@media (max-width:44rem){ol{flex-direction:column;gap:.35rem}li{display:flex;align-items:baseline;justify-content:space-between;gap:1rem;border-top:1px solid var(--line);border-left:3px solid var(--mark,var(--soft))}li+li::before{content:none}dl div{grid-template-columns:minmax(0,1fr)}}
@media print{body{background:none;padding:0}}
`;

/** Of `STYLE`, as a Content-Security-Policy has it. */
export const STYLE_HASH = 'sha256-Ju8oZcqPWCe+zxcJwxcH3/Tzw7tHZb0Ldu1VqpW0f+c=';
