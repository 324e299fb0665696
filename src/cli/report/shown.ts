/**
 * Makes a text fit to be shown: control characters, those that turn the direction of writing, and halves of a pair
 * become `\u{…}`. What a server said is escaped already; this is for what is not, as the name of a target.
 */
export function shown(text: string): string {
  return text.replace(UNFIT, character => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

const UNFIT = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** For the text and the attributes of HTML, SVG and XML. */
export function markup(text: string): string {
  return shown(text).replace(/[&<>"']/g, character => ENTITIES[character] ?? character);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
