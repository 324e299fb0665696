import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text, isPort } from '../../src/wire/ip-address.ts';

describe('src/wire/ip-address', () => {
  it('writes addresses as RFC 5952 does', () => {
    for (const [text, written] of [
      ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
      ['::', '::'],
      ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
      ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
      ['0:0:1::', '0:0:1::'],
      ['10:0:0:1::', '10:0:0:1::'],
      ['1:0:0:0:2:0:0:3', '1::2:0:0:3'],
      ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ] as const) {
      expect(ipv6Text(ipv6Bytes(text) ?? Buffer.alloc(0)), text).to.equal(written);
    }
    expect(ipv4Text(Uint8Array.of(192, 0, 2, 1))).to.equal('192.0.2.1');
  });

  const fours: Readonly<Record<string, string | undefined>> = {
    '192.0.2.255': 'c00002ff',
    '0.0.0.0': '00000000',
    '192.0.2.256': undefined,
    '192.0.2.01': undefined,
    '192.0.2': undefined,
    '192.0.2.1.1': undefined,
    '192.0.2.': undefined,
    ' 192.0.2.1': undefined,
    '0xc0.0.2.1': undefined,
  };
  for (const [text, hex] of Object.entries(fours)) {
    it(`${hex === undefined ? 'does not read' : 'reads'} '${text}' as IPv4`, () =>
      expect(ipv4Bytes(text)?.toString('hex')).to.equal(hex));
  }

  const zeros = '0'.repeat(24);
  const sixes: Readonly<Record<string, string | undefined>> = {
    '::': '0'.repeat(32),
    '::192.0.2.1': `${zeros}c0000201`,
    '1:2:3:4:5:6:7:8': '00010002000300040005000600070008',
    '1:2:3:4::6:7:8': '00010002000300040000000600070008',
    '1:2:3:4::5:6:7:8': undefined,
    '1:2:3:4::5:6:7:8::9': undefined,
    '1::2::3': undefined,
    '1:2:3:4:5:6:7': undefined,
    '::192.0.2.1x': undefined,
    '::192.0.2.256': undefined,
    'x\n::192.0.2.1': undefined,
    '::fffff': undefined,
    '::1%lo': undefined,
    '': undefined,
  };
  for (const [text, hex] of Object.entries(sixes)) {
    it(`${hex === undefined ? 'does not read' : 'reads'} ${JSON.stringify(text)} as IPv6`, () =>
      expect(ipv6Bytes(text)?.toString('hex')).to.equal(hex));
  }

  it('knows a port in its one form', () => {
    expect(['0', '1', '65535'].map(isPort)).to.deep.equal([true, true, true]);
    const others = ['', '65536', '01', '+1', '1 ', ' 1', '1e3', '123456'];
    expect(others.filter(isPort)).to.deep.equal([]);
  });
});
