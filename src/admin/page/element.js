/**
 * The element of the page that has this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no #${id}`);
  return element;
}

/**
 * A new element; children are elements, or text.
 * @param {string} tag
 * @param {string} [className]
 * @param {readonly (Node | string)[]} [children]
 * @returns {HTMLElement}
 */
export function element(tag, className = '', children = []) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/**
 * Writes a text, where it is another one: who has selected it keeps the selection, and nothing is drawn in vain.
 * @param {Element} where
 * @param {string} text
 */
export function write(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/**
 * How long a bar is, from 0 to 1.
 * @param {Element} bar
 * @param {number} share
 */
export function setShare(bar, share) {
  // The page's policy forbids style in markup, not by script.
  if (bar instanceof HTMLElement)
    bar.style.setProperty('--share', String(Number.isFinite(share) ? share : 0));
}

/** @type {WeakMap<Element, Map<string, HTMLElement>>} */
const kept = new WeakMap();

/**
 * Has `parent` hold one child for each item, in this order. A child is made once, under its item's key, and filled in
 * each time.
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} make
 * @param {(child: HTMLElement, item: Item) => void} fill
 */
export function sync(parent, items, keyOf, make, fill) {
  const before = kept.get(parent) ?? new Map();
  /** @type {Map<string, HTMLElement>} */
  const now = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const child = before.get(key) ?? make(item);
    fill(child, item);
    now.set(key, child);
  }
  kept.set(parent, now);
  const children = [...now.values()];
  if (
    children.length !== parent.children.length ||
    children.some((child, at) => parent.children[at] !== child)
  ) {
    parent.replaceChildren(...children);
  }
}
