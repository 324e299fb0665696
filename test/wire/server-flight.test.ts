import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { suiteName, suitesOf } from '../../src/wire/cipher-suites.ts';
import { decodeServerFlight } from '../../src/wire/server-flight.ts';
import { scaled } from '../support/scale.ts';

/** A ServerHello of TLS 1.2 that chose a suite, and the end of the flight. */
const FLIGHT = Buffer.from(`160303002e020000260303${'07'.repeat(32)}00c02f000e000000`, 'hex');

describe('src/wire/cipher-suites', () => {
  it('knows each suite by its own number and name', () => {
    const all = suitesOf();
    expect(new Set(all).size).to.equal(all.length);
    expect(new Set(all.map(suiteName)).size).to.equal(all.length);
    expect(suiteName(0x1301)).to.equal('TLS_AES_128_GCM_SHA256');
    expect(suiteName(0xfafa)).to.equal('0xfafa');
  });
});

const RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';

const withLength = (hex: string, octets: number): string =>
  (hex.length / 2).toString(16).padStart(2 * octets, '0') + hex;
const extension = (type: string, content: string): string => type + withLength(content, 2);
const message = (type: string, body: string): string => type + withLength(body, 3);
const record = (...messages: readonly string[]): string => `160303${withLength(messages.join(''), 2)}`;
const flight = (...records: readonly string[]) => decodeServerFlight(Buffer.from(records.join(''), 'hex'));
/** A ServerHello that chose 0xc02f, with a session id of two bytes. */
const hello = (extensions: string, random = '07'.repeat(32)): string =>
  message('02', `0303${random}02abcdc02f00${withLength(extensions, 2)}`);

describe('src/wire/server-flight', () => {
  it('reads a ServerHello, however it is cut', () => {
    for (let end = 0; end < FLIGHT.length; end++) {
      expect(decodeServerFlight(FLIGHT.subarray(0, end)).complete, `${end} bytes`).to.equal(false);
    }
    const { hello, complete, alert, plaintext } = decodeServerFlight(FLIGHT);
    expect(hello).to.deep.equal({
      version: 0x0303,
      suite: 0xc02f,
      group: undefined,
      retry: false,
      alpn: undefined,
    });
    expect([complete, alert, plaintext]).to.deep.equal([true, undefined, undefined]);
  });

  it('reads what TLS 1.2 says of itself, in one record or in many', () => {
    const messages = [
      hello(extension('ff01', '00') + extension('0010', '0005' + '04696d6170')),
      message('0b', withLength(withLength('3001aa', 3) + withLength('3001bb', 3), 3)),
      message('0c', '03001d' + '20'),
      message('0e', ''),
    ];
    const bytes = messages.join('');
    const cut = bytes.match(/.{1,14}/g) ?? [];
    for (const records of [
      [record(...messages)],
      messages.map(each => record(each)),
      cut.map(each => record(each)),
    ]) {
      const read = flight(...records);
      const found = { version: 0x0303, suite: 0xc02f, group: 0x1d, retry: false, alpn: 'imap' };
      expect(read.hello).to.deep.equal(found);
      const hexes = read.certificates.map(each => Buffer.from(each).toString('hex'));
      expect(hexes).to.deep.equal(['3001aa', '3001bb']);
      expect(read.complete).to.equal(true);
    }
  });

  it('is not complete without the end of TLS 1.2, and needs none in TLS 1.3', () => {
    expect(flight(record(hello('')))).to.deep.include({ complete: false, certificates: [] });
    const modern = extension('002b', '0304') + extension('0033', '001d0002aabb');
    const read = flight(record(hello(modern)), '140303000101');
    expect(read.hello).to.deep.equal({
      version: 0x0304,
      suite: 0xc02f,
      group: 0x1d,
      retry: false,
      alpn: undefined,
    });
    expect([read.complete, read.alert, read.plaintext]).to.deep.equal([true, undefined, undefined]);
  });

  it('tells a wish for another ClientHello, which names only the group', () => {
    const wish = extension('002b', '0304') + extension('0033', '0017');
    expect(flight(record(hello(wish, RETRY))).hello).to.include({ retry: true, group: 0x17 });
  });

  it('names the group only of a curve that has a name', () => {
    for (const exchange of ['01001d20', '03001d', ''])
      expect(flight(record(hello(''), message('0c', exchange))).hello?.group, exchange).to.equal(undefined);
  });

  it('leaves out what is cut off or too short', () => {
    const short = `${extension('002b', '04')}${extension('0033', '')}0010`;
    expect(flight(record(hello(short))).hello).to.include({ version: 0x0303, group: undefined });
    expect(flight(record(hello('002b00020'.padEnd(10, '3')))).hello?.version).to.equal(0x0303);
    expect(flight(record(message('02', `0303${'07'.repeat(32)}00c02f`))).hello).to.equal(undefined);
    expect(flight(record(message('02', `0303${'07'.repeat(32)}00c02f00`))).hello?.suite).to.equal(0xc02f);
    const certificates = withLength(`${withLength('3001aa', 3)}0000053001`, 3);
    expect(flight(record(message('0b', certificates))).certificates).to.have.lengthOf(1);
  });

  it('takes no other types of records than those of TLS 1.2, and no other version', () => {
    for (const type of ['14', '15', '16', '17'])
      expect(flight(`${type}0303`).plaintext, type).to.equal(undefined);
    for (const begin of ['13', '18', '1602', '00'])
      expect(flight(begin).plaintext?.toString('hex'), begin).to.equal(begin);
  });

  it('tells the first alert, and none that is encrypted', () => {
    expect(flight('15030300020246', '15030300020100').alert).to.equal(70);
    expect(flight('1503030003024600').alert).to.equal(undefined);
    expect(flight('17030300020246').alert).to.equal(undefined);
  });

  it('tells an alert and plaintext', () => {
    expect(decodeServerFlight(Buffer.from('15030300020246', 'hex'))).to.include({
      alert: 70,
      complete: true,
    });
    const words = Buffer.concat([FLIGHT, Buffer.from('250 OK\r\n')]);
    expect(decodeServerFlight(words).plaintext?.toString()).to.equal('250 OK\r\n');
    expect(decodeServerFlight(Buffer.from('454 no\r\n')).complete).to.equal(true);
  });

  it('takes any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.nat(FLIGHT.length), (tail, at) => {
        decodeServerFlight(Buffer.from(tail));
        decodeServerFlight(Buffer.concat([FLIGHT.subarray(0, at), tail]));
        decodeServerFlight(Buffer.concat([Buffer.from([22, 3, 3, 1, 0]), tail]));
      }),
      { numRuns: scaled(10_000) },
    );
  });
});
