import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { type ClientOffer, encodeClientHello, encodeRecords, VERSION } from '../../src/wire/client-offer.ts';

const OFFER: ClientOffer = {
  versions: [VERSION.tls13, VERSION.tls12],
  suites: [0x1301, 0xc02f],
  groups: [0x1d],
  shares: [{ group: 0x1d, key: Uint8Array.of(0xaa, 0xbb) }],
  servername: 'm\xfc',
  alpn: ['\xfc'],
  random: Uint8Array.from({ length: 64 }, (_, at) => at),
};

const SIGNATURES = '00260024040305030603080708080804080508060809080a080b040105010601030103030201' + '0203';
const MASTER_SECRET = '00170000';
const POINTS = '000b00020100';
const RANDOM = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const SESSION = '202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f';

/** Without the type and the length before it. */
function bodyOf(offer: Partial<ClientOffer>): string {
  const message = encodeClientHello({ ...OFFER, ...offer });
  expect(message[0]).to.equal(1);
  expect(message.readUIntBE(1, 3)).to.equal(message.length - 4);
  return message.toString('hex', 4);
}

describe('src/wire/client-offer', () => {
  it('writes what TLS 1.3 asks for, byte by byte', () => {
    const extensions = [
      '000000070005000002' + '6dfc',
      '000a00040002001d',
      POINTS,
      `000d${SIGNATURES}`,
      MASTER_SECRET,
      '0010000400020' + '1fc',
      '002b00050403040303',
      '002d00020101',
      '003300080006001d0002aabb',
    ].join('');
    expect(bodyOf({})).to.equal(
      `0303${RANDOM}20${SESSION}00041301c02f0100${lengthOf(extensions)}${extensions}`,
    );
  });

  it('adds before TLS 1.3 the suite that stands for secure renegotiation, and no session', () => {
    const extensions = `${POINTS}000d${SIGNATURES}${MASTER_SECRET}`;
    const bare = { versions: [VERSION.tls12], servername: undefined, alpn: [], groups: [] };
    expect(bodyOf(bare)).to.equal(`0303${RANDOM}0000061301c02f00ff0100${lengthOf(extensions)}${extensions}`);
  });

  it('names no signatures before TLS 1.2', () => {
    const extensions = `${POINTS}${MASTER_SECRET}`;
    const bare = { versions: [VERSION.tls11, VERSION.tls10], servername: undefined, alpn: [], groups: [] };
    expect(bodyOf(bare)).to.equal(`0302${RANDOM}0000061301c02f00ff0100${lengthOf(extensions)}${extensions}`);
  });

  it('has no extensions in SSL 3.0', () => {
    expect(bodyOf({ versions: [VERSION.ssl3] })).to.equal(`0300${RANDOM}0000061301c02f00ff0100`);
  });

  it('writes records that say TLS 1.0 at most', () => {
    const message = Buffer.from('abcdef');
    const hex = (version: number, size?: number): string[] =>
      encodeRecords(message, version, size).map(record => record.toString('hex'));
    expect(hex(VERSION.tls13, 4)).to.deep.equal(['160301000461626364', '16030100026566']);
    expect(hex(VERSION.tls12, 3)).to.deep.equal(['1603010003616263', '1603010003646566']);
    expect(hex(VERSION.ssl3)).to.deep.equal(['1603000006616263646566']);
  });

  it('fills a record with 2^14 bytes at most', () => {
    const lengths = encodeRecords(Buffer.alloc(16_385), VERSION.tls12).map(record => record.length);
    expect(lengths).to.deep.equal([5 + 16_384, 5 + 1]);
  });
});

function lengthOf(hex: string): string {
  return (hex.length / 2).toString(16).padStart(4, '0');
}
