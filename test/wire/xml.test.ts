import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { SallyportError } from '../../src/errors.ts';
import {
  checkCharacters,
  escapeXml,
  hasQuotes,
  localName,
  type Markup,
  namespaceOf,
  parseMarkup,
  quoteBehind,
  type Tag,
} from '../../src/wire/xml.ts';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

describe('src/wire/xml', () => {
  it('reads back whatever tag was written, in either quote', () => {
    fc.assert(
      fc.property(tags, written => {
        const { text, name, attributes, empty } = written;
        const read = tagOf(text);
        expect(read).to.deep.equal({ kind: 'start', text, name, attributes: new Map(attributes), empty });
      }),
    );
  });

  it('finds the end of a tag, whatever is in its quotes, and however it is cut', () => {
    fc.assert(
      fc.property(tags, fc.string(), ({ text }, behind) => {
        let read = '';
        let quote = '';
        for (const piece of `${text}${behind}>`.split(/(?<=>)/)) {
          quote = quoteBehind(piece, quote);
          read += piece;
          if (quote === '') break;
        }
        expect(read).to.equal(text);
      }),
    );
  });

  it('reads end tags, and the declaration', () => {
    expect(parseMarkup('</stream:stream\n>')).to.include({ kind: 'end', name: 'stream:stream' });
    const declaration = parseMarkup(`<?xml version='1.0' encoding="UTF-8" ?>`);
    expect(declaration).to.deep.include({
      kind: 'declaration',
      attributes: new Map([
        ['version', '1.0'],
        ['encoding', 'UTF-8'],
      ]),
    });
  });

  it('tells what no stream may have, whose quotes mean nothing', () => {
    for (const text of [
      "<!-- don't -->",
      '<![CDATA[>',
      '<!DOCTYPE a>',
      '<!ENTITY a "b">',
      '<?php ?>',
      '<?xml-stylesheet ?>',
    ]) {
      expect(parseMarkup(text).kind, text).to.equal('restricted');
      expect(/^<\?/.test(text) || !hasQuotes(text), text).to.equal(true);
    }
    expect(hasQuotes("<a b='")).to.equal(true);
  });

  for (const text of [
    '<>',
    '< a>',
    '<1a>',
    '<a:>',
    '<:a>',
    '<a:b:c>',
    '<a/ >',
    '<a b>',
    '<a b=c>',
    "<a b='1'c='2'>",
    "<a b='1' b='2'>",
    "<a b='<'>",
    "<a b='&nbsp;'>",
    "<a b='&'>",
    "<a b='&#1'>",
    '</a b>',
    '</a/>',
    '</>',
    "<?xml version='1.0'>",
    '<a\0>',
    '<a\x1b>',
    "<a b='\xc0\xa7'>",
    "<a b='\xff'>",
    "<a b='\xed\xa0\x80'>",
    latin1('<a b="\ufffe">'),
    '<a\xa0b="1">',
    latin1('<a b="1"\u0085c="2">'),
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseMarkup(text))
        .to.throw(SallyportError)
        .with.property('code', 'ERR_BAD_SYNTAX');
    });
  }

  it('takes UTF-8, as latin1', () => {
    const text = latin1('<größe a="日本">');
    expect(parseMarkup(text)).to.include({ kind: 'start', text, name: latin1('größe') });
    expect(() => checkCharacters('\xef\xbf\xbd\t\r\n')).to.not.throw();
  });

  it('understands any text, or throws its one error', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '/',
      '=',
      "'",
      '"',
      '&',
      ';',
      ' ',
      '\n',
      'a',
      ':',
      '?',
      '!',
      'xml',
      '\0',
      '\xe4',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), parts => {
        const text = `<${parts.join('')}>`;
        try {
          expect(parseMarkup(text).text).to.equal(text);
        } catch (error) {
          expect(error).to.have.property('code', 'ERR_BAD_SYNTAX');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('takes time in proportion to the text', () => {
    const worst = [' ', 'a', "'", '"', '=', '&', 'a=', " a='", '<', "' "].map(
      piece => (count: number) => piece.repeat(count),
    );
    for (const make of worst) expect(milliseconds(make(100_000))).to.be.lessThan(500);
  });

  it('knows the namespace of an element by its prefix, its own declaration first', () => {
    const stream = tagOf("<s:s xmlns='a' xmlns:s='b'>");
    expect(namespaceOf(stream)).to.equal('b');
    expect(namespaceOf(tagOf('<x/>'), stream)).to.equal('a');
    expect(namespaceOf(tagOf("<x xmlns='c'/>"), stream)).to.equal('c');
    expect(namespaceOf(tagOf('<s:x/>'), stream)).to.equal('b');
    expect(namespaceOf(tagOf('<x/>'))).to.equal('');
    expect(() => namespaceOf(tagOf('<t:x/>'), stream)).to.throw(SallyportError);
    expect([localName('s:x'), localName('x')]).to.deep.equal(['x', 'x']);
  });

  it('escapes what would end a value or an element', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const escaped = escapeXml(text);
        expect(escaped).to.not.match(/[<>'"]/);
        expect(unescaped(escaped)).to.equal(text);
      }),
    );
  });
});

const names = fc.stringMatching(/^[A-Za-z_][\w.-]{0,8}(:[A-Za-z_][\w.-]{0,8})?$/);
const blanks = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** A tag, and what is in it. */
const tags = fc
  .record({
    name: names,
    attributes: fc.uniqueArray(fc.tuple(names, fc.stringMatching(/^[ -%'-;=->@-~]*$/)), {
      selector: ([name]) => name,
    }),
    blank: blanks,
    empty: fc.boolean(),
  })
  .map(({ name, attributes, blank, empty }) => {
    const kept = attributes.map(
      ([key, value]) => [key, value.replaceAll(value.includes('"') ? "'" : '', '')] as const,
    );
    const said = kept.map(([key, value]) => ` ${blank}${key}${blank}=${blank}${quoted(value)}`).join('');
    return { text: `<${name}${said}${blank}${empty ? '/>' : '>'}`, name, attributes: kept, empty };
  });

function quoted(value: string): string {
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}

function tagOf(text: string): Tag {
  const markup: Markup = parseMarkup(text);
  if (markup.kind !== 'start') throw new Error(`not a tag: ${text}`);
  return markup;
}

function milliseconds(inside: string): number {
  const begun = performance.now();
  quoteBehind(inside);
  for (const text of [`<a ${inside}>`, `</a${inside}>`, `<${inside}>`, `<a b='${inside}'>`]) {
    try {
      parseMarkup(text);
    } catch {
      // The time is what counts.
    }
  }
  return performance.now() - begun;
}

function unescaped(text: string): string {
  const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };
  return text.replace(/&(\w+);/g, (_, name: string) => entities[name] ?? '');
}
