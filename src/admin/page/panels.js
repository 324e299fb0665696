import { byId, element, setShare, sync, write } from './element.js';
import { bytes, clock, count, milliseconds, percent, rate } from './format.js';

/** @typedef {import('../status.ts').Status} Status */
/** @typedef {import('../history.ts').Sample} Sample */

/** @type {readonly (readonly [key: keyof Status['funnel'], name: string, lost: string])[]} */
const STEPS = [
  ['connected', 'Connected', ''],
  ['greeted', 'Greeted', 'turned away, or left at once'],
  ['asked', 'Asked for TLS', 'did not ask, or were refused'],
  ['clientHello', 'ClientHello', 'left after the go-ahead'],
  ['secured', 'Secured', 'failed in the handshake'],
  ['handedOver', 'Handed over', 'went no further than TLS'],
];

/**
 * The figures of this moment.
 * @param {Status} status
 * @param {readonly Sample[]} samples
 */
export function showTiles(status, samples) {
  sync(
    byId('tiles'),
    tilesOf(status, samples),
    ({ name }) => name,
    ({ name }) => {
      const value = element('dd', 'value', [element('span'), element('small')]);
      return element('div', '', [element('dt', '', [name]), value, element('dd', 'note')]);
    },
    (tile, { value: [value, unit], note }) => {
      const [, number, words] = tile.children;
      if (number?.firstElementChild) write(number.firstElementChild, value);
      if (number?.lastElementChild) write(number.lastElementChild, unit);
      if (words !== undefined) write(words, note);
    },
  );
}

/**
 * @param {Status} status
 * @param {readonly Sample[]} samples
 * @returns {readonly { name: string, value: readonly [value: string, unit: string], note: string }[]}
 */
function tilesOf({ open, funnel, plaintext, failures }, samples) {
  const all = open.dialogue + open.handshake + open.session + open.closing;
  const failed = failures.reduce((sum, failure) => sum + failure.count, 0);
  const last = samples.at(-1);
  return [
    {
      name: 'Open connections',
      value: [count(all), ''],
      note: `${count(open.session)} in session, ${count(open.dialogue)} in dialogue`,
    },
    {
      name: 'Handshakes',
      value: [rate(last === undefined ? 0 : last.handshakes / last.seconds), 'a second'],
      note: `${count(funnel.secured)} in all`,
    },
    handshakeTime(samples),
    {
      name: 'Secured',
      value: [percent(funnel.secured, funnel.connected), ''],
      note: plaintext > 0 ? `of all; ${count(plaintext)} in plaintext` : 'of all connections',
    },
    {
      name: 'Refused and failed',
      value: [count(failed), ''],
      note: `${percent(failed, funnel.connected)} of all connections`,
    },
    { name: 'Event loop', value: milliseconds(last?.loopDelay), note: 'longest delay in the last second' },
  ];
}

/**
 * Of the last second in which there was a handshake.
 * @param {readonly Sample[]} samples
 */
function handshakeTime(samples) {
  const name = 'Handshake time';
  const last = samples.findLast(({ handshakeMedian }) => handshakeMedian !== null);
  const value = milliseconds(last?.handshakeMedian);
  if (last === undefined) return { name, value, note: 'none in five minutes' };
  const isNow = last.at >= (samples.at(-1)?.at ?? 0) - 3;
  const slow = `95 % within ${milliseconds(last.handshakeSlow).join(' ')}`;
  return { name, value, note: isNow ? slow : `${slow}, at ${clock(1000 * last.at)}` };
}

/**
 * How far connections come: of all listeners, or of the one that is chosen.
 * @param {Status} status
 */
export function showFunnel(status) {
  const select = /** @type {HTMLSelectElement} */ (byId('funnel-of'));
  showChoices(
    select,
    status.listeners.map(({ name }) => name),
  );
  const { funnel, plaintext } = status.listeners.find(({ name }) => name === select.value) ?? status;
  const steps = STEPS.map(([key, name, lost], index) => {
    const [before] = STEPS[index - 1] ?? STEPS[0] ?? ['connected'];
    return { key, name, lost, value: funnel[key], gone: funnel[before] - funnel[key] };
  });
  sync(
    byId('funnel'),
    steps,
    ({ key }) => key,
    ({ name }) =>
      element('li', '', [
        element('span', '', [name]),
        element('span', 'bar'),
        element('span', 'count'),
        element('span', 'share'),
        element('span', 'lost'),
      ]),
    (row, { key, lost, value, gone }) => {
      const [, bar, number, share, less] = row.children;
      const isPlain = key === 'connected' || key === 'greeted' || key === 'asked';
      bar?.classList.toggle('plain', isPlain);
      if (bar !== undefined) setShare(bar, funnel.connected === 0 ? 0 : value / funnel.connected);
      if (number !== undefined) write(number, count(value));
      if (share !== undefined) write(share, percent(value, funnel.connected));
      if (less !== undefined) write(less, gone > 0 ? `${count(gone)} ${lost}` : '');
    },
  );
  write(
    byId('funnel-note'),
    plaintext > 0 ? `Besides these, ${count(plaintext)} were handed over in plaintext.` : '',
  );
}

/**
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} names
 */
function showChoices(select, names) {
  const all = ['', ...names];
  if (all.length === select.length && all.every((name, at) => select.options[at]?.value === name)) return;
  const chosen = select.value;
  select.replaceChildren(...all.map(name => new Option(name === '' ? 'all listeners' : name, name)));
  if (all.includes(chosen)) select.value = chosen;
}

/** Where a connection that had come so far has ended. */
const PLACES = {
  connected: 'at the beginning',
  greeted: 'in the dialogue',
  asked: 'after the go-ahead',
  clientHello: 'in the handshake',
  secured: 'under TLS',
  handedOver: 'in the session',
  plaintext: 'in a session in plaintext',
};

/**
 * Why connections ended that did not end well.
 * @param {Status} status
 */
export function showFailures({ failures }) {
  const all = failures.reduce((sum, failure) => sum + failure.count, 0);
  showShares(
    'failures',
    failures.map(({ code, message, blame, count: times, reached }) => {
      const places = Object.entries(reached).sort(([, one], [, other]) => other - one);
      const named = places.map(([milestone]) => PLACES[/** @type {keyof typeof PLACES} */ (milestone)]);
      const isOurs = blame === 'config' || blame === 'caller';
      return {
        name: message,
        small: `${code}, ${named.join(' or ')}`,
        value: times,
        kind: isOurs ? 'ours' : '',
      };
    }),
    all,
  );
}

/**
 * What handshakes agreed on.
 * @param {Status} status
 */
export function showNegotiated({ versions, ciphers, resumed, funnel: { secured } }) {
  const byCount = (/** @type {Readonly<Record<string, number>>} */ counts) =>
    Object.entries(counts)
      .map(([name, value]) => ({ name, value }))
      .sort((one, other) => other.value - one.value);
  showShares('versions', byCount(versions), secured);
  showShares('ciphers', byCount(ciphers), secured);
  showShares('resumed', secured === 0 ? [] : byCount({ resumed, new: secured - resumed }), secured);
}

/**
 * @typedef {object} Share
 * @property {string} name
 * @property {number} value
 * @property {string} [small] words below the name
 * @property {string} [kind] a class of the style
 */

/**
 * @param {string} id
 * @param {readonly Share[]} shares
 * @param {number} all
 */
function showShares(id, shares, all) {
  sync(
    byId(id),
    shares.length === 0 ? [{ name: 'None yet', value: 0 }] : shares,
    ({ name }) => name,
    ({ name, small, kind }) => {
      const words = small === undefined ? [name] : [name, element('small')];
      return element('li', kind, [
        element('span', '', words),
        element('span'),
        element('span'),
        element('span', 'bar'),
      ]);
    },
    (row, { value, small }) => {
      const [words, number, share, bar] = row.children;
      if (small !== undefined && words?.lastElementChild) write(words.lastElementChild, small);
      if (number !== undefined) write(number, shares.length === 0 ? '' : count(value));
      if (share !== undefined) write(share, shares.length === 0 ? '' : percent(value, all));
      if (bar !== undefined) setShare(bar, value / all);
    },
  );
}

/**
 * The bytes, and what was dropped.
 * @param {Status} status
 */
export function showTraffic({ bytes: traffic, droppedPlaintext, unheard, processes }) {
  const facts = [
    ['From clients', bytes(traffic.clientIn)],
    ['To clients', bytes(traffic.clientOut)],
    ['From upstreams', bytes(traffic.upstreamIn)],
    ['To upstreams', bytes(traffic.upstreamOut)],
    ['Plaintext behind an upgrade command', bytes(droppedPlaintext)],
    ['Connections dropped unheard, above the limit', count(unheard)],
    ['Processes', count(processes)],
  ];
  sync(
    byId('traffic'),
    facts.flatMap(([name = '', value = '']) => [
      { tag: 'dt', key: `${name}?`, text: name },
      { tag: 'dd', key: name, text: value },
    ]),
    ({ key }) => key,
    ({ tag }) => element(tag),
    (cell, { text }) => write(cell, text),
  );
}
