import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { SallyportError } from '../../src/errors.ts';
import {
  BER,
  type BerElement,
  decodeBoolean,
  decodeConstructed,
  decodeElements,
  decodeInteger,
  decodeText,
  encodeBoolean,
  encodeElement,
  encodeInteger,
} from '../../src/wire/ber.ts';

const latin1 = fc
  .uint8Array({ maxLength: 400, size: 'max' })
  .map(bytes => Buffer.from(bytes).toString('latin1'));
const number = fc.oneof(fc.integer(), fc.integer({ min: -40_000, max: 40_000 }));
/** Of one octet: the five bits of a number are not all set. */
const tag = fc.nat(255).filter(each => (each & 0x1f) !== 0x1f);

describe('src/wire/ber', () => {
  it('writes the StartTLS request as all clients send it', () => {
    const name = encodeElement(0x80, '1.3.6.1.4.1.1466.20037');
    const request = encodeElement(BER.sequence, encodeInteger(1), encodeElement(0x77, name));
    expect(request).to.equal('\x30\x1d\x02\x01\x01\x77\x18\x80\x16' + '1.3.6.1.4.1.1466.20037');
  });

  it('writes a length in as few octets as hold it', () => {
    const headOf = (length: number): string => {
      const element = encodeElement(BER.octetString, 'a'.repeat(length));
      return Buffer.from(element.slice(0, -length), 'latin1').toString('hex');
    };
    expect([1, 127, 128, 255, 256, 65_536].map(headOf)).to.deep.equal([
      '0401',
      '047f',
      '048180',
      '0481ff',
      '04820100',
      '0483010000',
    ]);
  });

  it('writes numbers in as few octets as hold them', () => {
    const encoded = [0, 127, 128, -1, -128, -129, 32_768, 2 ** 31 - 1].map(value => encodeInteger(value));
    expect(encoded.map(text => Buffer.from(text, 'latin1').toString('hex'))).to.deep.equal([
      '020100',
      '02017f',
      '02020080',
      '0201ff',
      '020180',
      '0202ff7f',
      '0203008000',
      '02047fffffff',
    ]);
    expect(() => encodeInteger(2 ** 31)).to.throw(RangeError);
  });

  it('reads the numbers that it wrote', () => {
    fc.assert(
      fc.property(number, tag, (value, its) => decodeInteger(only(encodeInteger(value, its)), its) === value),
    );
  });

  it('reads the strings and booleans that it wrote', () => {
    fc.assert(
      fc.property(latin1, tag, (text, its) => decodeText(only(encodeElement(its, text)), its) === text),
    );
    fc.assert(fc.property(fc.boolean(), value => decodeBoolean(only(encodeBoolean(value))) === value));
  });

  it('reads the elements of a sequence that it wrote, whatever their lengths', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(tag, latin1), { maxLength: 10 }), parts => {
        const whole = encodeElement(BER.sequence, ...parts.map(([its, text]) => encodeElement(its, text)));
        const read = decodeConstructed(only(whole), BER.sequence);
        expect(
          read.map(({ tag: its, content }) => [its, Buffer.from(content).toString('latin1')]),
        ).to.deep.equal(parts);
      }),
    );
  });

  it('takes a length in more octets than it needs, up to four', () => {
    for (const length of ['\x03', '\x81\x03', '\x82\0\x03', '\x84\0\0\0\x03']) {
      expect(decodeText(only(`\x04${length}abc`))).to.equal('abc');
    }
  });

  it('takes a number in more octets than it needs, up to four', () => {
    expect(decodeInteger(only('\x02\x04\0\0\0\x05'))).to.equal(5);
    expect(decodeInteger(only('\x02\x04\xff\xff\xff\xfb'))).to.equal(-5);
    expect(decodeInteger(only('\x02\x01\x80'))).to.equal(-128);
  });

  it('takes all but zero for true', () => {
    expect(['\0', '\x01', '\xff'].map(octet => decodeBoolean(only(`\x01\x01${octet}`)))).to.deep.equal([
      false,
      true,
      true,
    ]);
  });

  const malformed: Readonly<Record<string, () => unknown>> = {
    'a tag without a length': () => only('\x30'),
    'a length that is cut off': () => only('\x30\x82\x01'),
    'an element that is cut off': () => only('\x30\x03ab'),
    'the indefinite form': () => only('\x30\x80\x05\0\0\0'),
    'a length of five octets': () => only('\x30\x85\0\0\0\0\0'),
    'a tag of several octets': () => only('\x1f\x81\x01\0'),
    'a number without octets': () => decodeInteger(only('\x02\0')),
    'a number of five octets': () => decodeInteger(only('\x02\x05\0\0\0\0\x01')),
    'a boolean of two octets': () => decodeBoolean(only('\x01\x02\0\0')),
    'an element in place of another': () => decodeText(only('\x02\x01\0')),
    'nothing in place of an element': () => decodeInteger(undefined),
  };
  for (const [what, decode] of Object.entries(malformed)) {
    it(`refuses ${what}`, () => expect(codeOf(decode)).to.equal('ERR_BAD_SYNTAX'));
  }

  it('makes values or ERR_BAD_SYNTAX of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        for (const decode of [decodeInteger, decodeBoolean, decodeText, decodeInsides]) {
          expect(codeOf(() => decodeElements(bytes).map(element => decode(element)))).to.be.oneOf([
            undefined,
            'ERR_BAD_SYNTAX',
          ]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads no more of a string than it was given of it', () => {
    const text = encodeElement(
      BER.sequence,
      encodeInteger(1),
      encodeElement(BER.octetString, 'a'.repeat(300)),
    );
    for (let length = 1; length < text.length; length++) {
      expect(
        codeOf(() => only(text.slice(0, length))),
        `${length}`,
      ).to.equal('ERR_BAD_SYNTAX');
    }
  });
});

/** The one element that is encoded in `text`. */
function only(text: string): BerElement | undefined {
  const elements = decodeElements(Buffer.from(text, 'latin1'));
  expect(elements.length).to.equal(1);
  return elements[0];
}

function decodeInsides({ tag: its, content }: BerElement): unknown {
  return decodeConstructed({ tag: its, content }, its);
}

/** `undefined` if nothing is thrown; what is not an error of ours is thrown on. */
function codeOf(decode: () => unknown): string | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (error instanceof SallyportError) return error.code;
    throw error;
  }
}
