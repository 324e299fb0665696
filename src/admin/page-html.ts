/** A gate with an arrow out of it: a sally port. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#176b3a"/><path d="M7 26V14a9 9 0 0 1 18 0v12" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/><path d="M11 20h9m-4-4.5 4.5 4.5-4.5 4.5" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>
`;

const CHARTS = [
  ['chart-rate', 'Handshakes a second'],
  ['chart-time', 'Time of a handshake'],
  ['chart-delay', 'Delay of the event loop'],
] as const;

const LISTENER_COLUMNS = [
  ['Listener', ''],
  ['Role', 'wide'],
  ['TLS', 'wide'],
  ['Address', 'wide'],
  ['Open', 'number'],
  ['Connected', 'number'],
  ['Secured', 'number'],
  ['Handed over', 'number wide'],
  ['Failed', 'number'],
] as const;

const CERTIFICATE_COLUMNS = [
  ['Subject', ''],
  ['Expires', 'wide'],
  ['Days left', 'number'],
] as const;

/** The page without a figure: the script fills it in. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Sallyport</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="page.css">
<script src="chart.js" defer></script>
<script src="page/main.js" type="module"></script>
</head>
<body>
<a class="skip" href="#main">To the figures</a>
<header>
<img src="icon.svg" alt="" width="28" height="28">
<h1>Sallyport <span id="version" class="quiet"></span></h1>
<p id="ready" class="pill"></p>
<p id="since" class="quiet"></p>
<p id="contact" class="contact" role="status"></p>
</header>
<noscript><p class="notice">This page needs its script. The figures are also at <a href="status.json">status.json</a> and <a href="metrics">metrics</a>.</p></noscript>
<form id="token" class="notice" hidden>
<label for="token-field">This server shows its figures for a token.</label>
<div><input id="token-field" type="password" autocomplete="off" spellcheck="false" required>
<button>Show</button></div>
<p id="token-fault" role="alert"></p>
</form>
<main id="main" tabindex="-1">
<dl id="tiles" class="tiles"></dl>
<section aria-labelledby="funnel-title">
<div class="head"><h2 id="funnel-title">Funnel</h2>
<label class="quiet" for="funnel-of">of <select id="funnel-of"><option value="">all listeners</option></select></label></div>
<ol id="funnel" class="funnel"></ol>
<p class="legend"><span class="plain">in plaintext</span><span>under TLS</span><em id="funnel-note"></em></p>
</section>
<div class="charts">
${CHARTS.map(([id, title]) => `<figure id="${id}"><figcaption><h2>${title}</h2><p class="legend"></p></figcaption><div class="plot" role="img" aria-label="${title}, the last five minutes"></div></figure>`).join('\n')}
</div>
<section aria-labelledby="listeners-title">
<h2 id="listeners-title">Listeners</h2>
${table('listeners', LISTENER_COLUMNS)}
</section>
<div class="columns">
<div>
<section aria-labelledby="failures-title">
<h2 id="failures-title">Refused and failed</h2>
<ul id="failures" class="shares"></ul>
</section>
<section aria-labelledby="traffic-title">
<h2 id="traffic-title">Traffic</h2>
<dl id="traffic" class="facts"></dl>
</section>
</div>
<div>
<section aria-labelledby="certificates-title">
<h2 id="certificates-title">Certificates</h2>
${table('certificates', CERTIFICATE_COLUMNS)}
</section>
<section aria-labelledby="negotiated-title">
<h2 id="negotiated-title">Negotiated</h2>
<h3>Versions</h3>
<ul id="versions" class="shares"></ul>
<h3>Cipher suites</h3>
<ul id="ciphers" class="shares"></ul>
<h3>Sessions</h3>
<ul id="resumed" class="shares"></ul>
</section>
</div>
</div>
</main>
<footer class="quiet">Counts are since the process began. <a href="metrics">Metrics</a> for Prometheus, <a href="status.json">status</a> as JSON.</footer>
</body>
</html>
`;

function table(id: string, columns: readonly (readonly [title: string, kind: string])[]): string {
  const cells = columns.map(
    ([title, kind]) => `<th scope="col"${kind === '' ? '' : ` class="${kind}"`}>${title}</th>`,
  );
  return `<table><thead><tr>${cells.join('')}</tr></thead><tbody id="${id}"></tbody></table>`;
}
