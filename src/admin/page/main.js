import { drawCharts, SPAN } from './charts.js';
import { keepContact } from './contact.js';
import { byId, write } from './element.js';
import { clock, duration } from './format.js';
import { showFailures, showFunnel, showNegotiated, showTiles, showTraffic } from './panels.js';
import { showTables } from './tables.js';

/** @typedef {import('../status.ts').Status} Status */

const form = byId('token');
const field = /** @type {HTMLInputElement} */ (byId('token-field'));
const main = byId('main');
const showSamples = drawCharts();

/** @type {Status | undefined} */
let latest;
/** @type {Status['samples']} */
let samples = [];

const contact = keepContact({
  told(status) {
    latest = status;
    samples = [...samples, ...status.samples];
    samples = samples.filter(({ at }) => at > (samples.at(-1)?.at ?? 0) - SPAN);
    form.hidden = true;
    main.hidden = false;
    document.body.classList.remove('stale');
    byId('contact').classList.remove('lost');
    write(byId('contact'), 'Live');
    show(status);
  },
  lost(since) {
    document.body.classList.add('stale');
    byId('contact').classList.add('lost');
    write(byId('contact'), `No contact since ${clock(since)}, trying again`);
    document.title = 'No contact - Sallyport';
  },
  asked(wrong) {
    main.hidden = true;
    form.hidden = false;
    write(byId('contact'), '');
    write(byId('token-fault'), wrong ? 'This is not the token.' : '');
    field.focus();
  },
});

form.addEventListener('submit', event => {
  event.preventDefault();
  contact.show(field.value);
  field.value = '';
});

byId('funnel-of').addEventListener('change', () => {
  if (latest !== undefined) showFunnel(latest);
});

/**
 * @param {Status} status
 */
function show(status) {
  const { version, ready, uptime } = status;
  write(byId('version'), version);
  write(byId('ready'), ready ? 'Ready' : 'Not ready');
  byId('ready').classList.toggle('not', !ready);
  write(byId('since'), `up ${duration(uptime)}`);
  document.title = ready ? 'Sallyport' : 'Not ready - Sallyport';
  showTiles(status, samples);
  showFunnel(status);
  showFailures(status);
  showNegotiated(status);
  showTraffic(status);
  showTables(status);
  showSamples(samples);
}
