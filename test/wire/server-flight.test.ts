import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { suiteName, suitesOf } from '../../src/wire/cipher-suites.ts';
import { type ClientOffer, encodeClientHello, encodeRecords, VERSION } from '../../src/wire/client-offer.ts';
import { decodeServerFlight } from '../../src/wire/server-flight.ts';
import { scaled } from '../support/scale.ts';

const offer: ClientOffer = {
  versions: [VERSION.tls12],
  suites: [0xc02f],
  groups: [0x1d],
  shares: [],
  servername: 'localhost',
  alpn: ['imap'],
  random: new Uint8Array(64).fill(7),
};

/** A ServerHello of TLS 1.2 that chose a suite, and the end of the flight. */
const FLIGHT = Buffer.from(`160303002e020000260303${'07'.repeat(32)}00c02f000e000000`, 'hex');

describe('src/wire/client-offer', () => {
  it('writes a ClientHello as RFC 5246 has it', () => {
    const hello = encodeClientHello(offer);
    expect(hello[0]).to.equal(1);
    expect(hello.readUIntBE(1, 3)).to.equal(hello.length - 4);
    expect(hello.readUInt16BE(4)).to.equal(0x0303);
    expect(hello.subarray(39, 45).toString('hex')).to.equal('0004c02f00ff');
    expect(hello.includes('localhost')).to.equal(true);
    expect(hello.includes('\x04imap')).to.equal(true);
  });

  it('leaves out what SSL 3.0 does not know, and writes what TLS 1.3 needs', () => {
    const old = encodeClientHello({ ...offer, versions: [VERSION.ssl3] });
    expect(old.length).to.equal(4 + 2 + 32 + 1 + 2 + 4 + 2);
    const share = { group: 0x1d, key: new Uint8Array(32) };
    const modern = encodeClientHello({ ...offer, versions: [VERSION.tls13], shares: [share] });
    expect(modern.readUInt16BE(4)).to.equal(0x0303);
    expect(modern[38]).to.equal(32);
    expect(modern.includes(Buffer.from('002b0003020304', 'hex'))).to.equal(true);
    expect(modern.includes(Buffer.from('003300260024001d0020', 'hex'))).to.equal(true);
  });

  it('cuts it into records', () => {
    const hello = encodeClientHello(offer);
    const records = encodeRecords(hello, VERSION.tls12, 64);
    expect(records.length).to.equal(Math.ceil(hello.length / 64));
    expect(records[0]?.subarray(0, 5).toString('hex')).to.equal('1603010040');
    expect(Buffer.concat(records.map(record => record.subarray(5)))).to.deep.equal(hello);
  });

  it('knows each suite by its own number and name', () => {
    const all = suitesOf();
    expect(new Set(all).size).to.equal(all.length);
    expect(new Set(all.map(suiteName)).size).to.equal(all.length);
    expect(suiteName(0x1301)).to.equal('TLS_AES_128_GCM_SHA256');
    expect(suiteName(0xfafa)).to.equal('0xfafa');
  });
});

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
