import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { decodeClientHello, startsClientHello } from '../../src/wire/client-hello.ts';
import { type ClientOffer, encodeClientHello, encodeRecords, VERSION } from '../../src/wire/client-offer.ts';
import { scaled } from '../support/scale.ts';

const OFFER: ClientOffer = {
  versions: [VERSION.tls13, VERSION.tls12],
  suites: [0x1301, 0xc02f],
  groups: [0x1d],
  shares: [{ group: 0x1d, key: new Uint8Array(32) }],
  servername: 'mail.example.org',
  alpn: ['imap', 'acme-tls/1'],
  random: new Uint8Array(64).fill(7),
};

/** What `encodeClientHello` says of signatures, whatever the offer. */
const SIGNATURES = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
  0x0601, 0x0301, 0x0303, 0x0201, 0x0203,
];
/** What it adds before TLS 1.3. */
const FALLBACK = 0x00ff;
const JUDGES = { suites: OFFER.suites, groups: OFFER.groups, signatures: SIGNATURES, particular: false };

/** As it goes over the wire, in records of at most `size` bytes. */
function helloOf(offer: Partial<ClientOffer> = {}, size?: number): Buffer {
  return Buffer.concat(encodeRecords(encodeClientHello({ ...OFFER, ...offer }), VERSION.tls12, size));
}

describe('src/wire/client-hello', () => {
  it('is told by the first byte alone', () => {
    expect(startsClientHello(0x16)).to.equal(true);
    expect(startsClientHello(Uint8Array.of(0x16, 0x03))).to.equal(true);
  });

  it('is no text, and not nothing', () => {
    expect(startsClientHello('E'.charCodeAt(0))).to.equal(false);
    expect(startsClientHello(Uint8Array.of(0x45, 0x16))).to.equal(false);
    expect(startsClientHello(Uint8Array.of())).to.equal(false);
    expect(startsClientHello(undefined)).to.equal(false);
  });

  it('says the name and the ALPN ids', () => {
    expect(decodeClientHello(helloOf())).to.deep.equal({
      servername: 'mail.example.org',
      alpn: ['imap', 'acme-tls/1'],
      judges: { ...JUDGES, versions: OFFER.versions },
    });
  });

  it('may say neither, or have no extensions at all', () => {
    const nothing = { servername: undefined, alpn: [] };
    expect(decodeClientHello(helloOf(nothing))).to.deep.equal({
      ...nothing,
      judges: { ...JUDGES, versions: OFFER.versions },
    });
    expect(decodeClientHello(helloOf({ ...nothing, versions: [VERSION.tls12] }))).to.deep.equal({
      ...nothing,
      judges: { ...JUDGES, suites: [...OFFER.suites, FALLBACK], versions: [] },
    });
    expect(decodeClientHello(helloOf({ ...nothing, versions: [VERSION.ssl3] }))).to.deep.equal({
      ...nothing,
      judges: {
        versions: [],
        suites: [...OFFER.suites, FALLBACK],
        groups: [],
        signatures: [],
        particular: false,
      },
    });
  });

  for (const size of [1, 3, 100]) {
    it(`is read out of records of ${size} bytes, and asks for what it needs at every cut`, () => {
      const bytes = Buffer.concat([helloOf({}, size), Buffer.from('what comes behind it')]);
      const whole = helloOf({}, size).length;
      let looks = 0;
      let length = 0;
      for (;;) {
        const found = decodeClientHello(bytes.subarray(0, length));
        if (found === undefined || !('needs' in found)) break;
        expect(found.needs).to.be.greaterThan(length);
        length = found.needs;
        looks += 1;
      }
      expect(length).to.equal(whole);
      expect(looks).to.be.greaterThan(1);
      expect(decodeClientHello(bytes)).to.have.property('servername', 'mail.example.org');
    });
  }

  const others: [string, Buffer][] = [
    ['text', Buffer.from('EHLO a\r\n')],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['another message', Buffer.from('160301000402000000', 'hex')],
    ['a message without a body', Buffer.from('160301000401000000', 'hex')],
    ['a record longer than any', Buffer.from('160301ffff', 'hex')],
    ['records without end', Buffer.concat(Array(9000).fill(Buffer.from('160301000101', 'hex')))],
  ];
  for (const [what, bytes] of others) {
    it(`is not ${what}`, () => {
      expect(decodeClientHello(bytes)).to.equal(undefined);
    });
  }

  it('is read up to a length that no client needs', () => {
    expect(decodeClientHello(Buffer.from('1603017ffb', 'hex'))).to.deep.equal({ needs: 32_768 });
    expect(decodeClientHello(Buffer.from('1603017ffc', 'hex'))).to.equal(undefined);
  });

  it('is no ServerHello, and none with a name that goes beyond its list', () => {
    const [hello, name] = [helloOf(), helloOf()];
    hello[5] = 2;
    expect(decodeClientHello(hello)).to.equal(undefined);
    const length = name.indexOf('mail.example.org') - 1;
    name[length] = 'mail.example.org'.length + 1;
    expect(decodeClientHello(name)).to.equal(undefined);
  });

  it('says no name of another kind than a host', () => {
    const bytes = helloOf();
    bytes[bytes.indexOf('mail.example.org') - 3] = 1;
    expect(decodeClientHello(bytes)).to.have.property('servername', undefined);
  });

  it('is never an exception, whatever is changed in it', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), fc.nat(), (at, value, cut) => {
        const bytes = helloOf();
        bytes[at % bytes.length] = value;
        const found = decodeClientHello(bytes.subarray(0, bytes.length - (cut % 20)));
        if (found !== undefined && 'needs' in found) expect(found.needs).to.be.at.most(70_000);
      }),
      { numRuns: scaled(10_000) },
    );
  });
});
