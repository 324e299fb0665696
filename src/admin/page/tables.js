import { byId, element, setShare, sync, write } from './element.js';
import { count, date } from './format.js';

/** @typedef {import('../status.ts').Status} Status */

/**
 * @typedef {object} Cell
 * @property {string} text
 * @property {string} [kind] classes of the style
 * @property {string} [small] words below
 * @property {number} [share] how long a bar before the text is, from 0 to 1
 */

/**
 * @param {Status} status
 */
export function showTables({ listeners, certificates }) {
  showRows(
    'listeners',
    listeners.map(({ name, role, tls, address, open, funnel, failures }) => [
      { text: name },
      { text: role, kind: 'wide' },
      { text: tls, kind: 'wide' },
      { text: address, kind: 'wide' },
      number(open.dialogue + open.handshake + open.session + open.closing),
      number(funnel.connected),
      { ...number(funnel.secured), share: funnel.secured / funnel.connected },
      number(funnel.handedOver, ' wide'),
      number(failures),
    ]),
    'No listener is watched.',
  );
  showRows(
    'certificates',
    certificates.map(({ subject, serial, expires, daysLeft }) => {
      const [tone, words] = urgency(daysLeft);
      return [
        { text: subject, small: serial },
        { text: date(expires), kind: 'wide' },
        { text: count(Math.floor(daysLeft)), kind: `number${tone}`, small: words },
      ];
    }),
    'None is served.',
  );
}

/**
 * @param {number} daysLeft
 * @returns {readonly [tone: string, words: string]}
 */
function urgency(daysLeft) {
  if (daysLeft < 0) return [' error', 'expired'];
  if (daysLeft < 7) return [' error', 'renew now'];
  return daysLeft < 30 ? [' warning', 'renew soon'] : ['', ''];
}

/**
 * @param {number} value
 * @param {string} [kind]
 * @returns {Cell}
 */
function number(value, kind = '') {
  return { text: count(value), kind: `number${kind}${value === 0 ? ' none' : ''}` };
}

/**
 * @param {string} id
 * @param {readonly (readonly Cell[])[]} rows
 * @param {string} none what stands there if there are none
 */
function showRows(id, rows, none) {
  /** @type {readonly (readonly Cell[])[]} */
  const shown = rows.length === 0 ? [[{ text: none, kind: 'none' }]] : rows;
  sync(
    byId(id),
    shown,
    ([first]) => `${first?.text} ${first?.small}`,
    cells => element('tr', '', cells.map(emptyCell)),
    (row, cells) => {
      for (const [index, cell] of cells.entries()) fillCell(row.children[index], cell);
    },
  );
}

/**
 * @param {Cell} cell
 */
function emptyCell({ small, share }) {
  return element('td', '', [
    ...(share === undefined ? [] : [element('span', 'bar wide')]),
    element('span', 'text'),
    ...(small === undefined ? [] : [element('small')]),
  ]);
}

/**
 * @param {Element | undefined} cell
 * @param {Cell} content
 */
function fillCell(cell, { text, kind = '', small = '', share = 0 }) {
  if (cell === undefined) return;
  if (cell.className !== kind) cell.className = kind;
  for (const part of cell.children) {
    if (part.classList.contains('bar')) setShare(part, share);
    else write(part, part.classList.contains('text') ? text : small);
  }
}
