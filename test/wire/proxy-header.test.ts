import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { SallyportError } from '../../src/errors.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import { ipv6Bytes, ipv6Text } from '../../src/wire/ip-address.ts';
import {
  beginsProxyHeader,
  proxyBlock,
  proxyLine,
  readProxyHeader,
  writeValues,
} from '../../src/wire/proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const SOURCE = { address: '192.0.2.1', port: 56_324 };
const DESTINATION = { address: '198.51.100.2', port: 443 };
const TCP4 = 'c0000201c6336402dc0401bb';
const TCP6 = `20010db8${'00'.repeat(11)}01${'00'.repeat(15)}01dc0401bb`;
const BEHIND = Buffer.from('EHLO client.example.org\r\n');

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const v2 = (command: string, family: string, body: string) =>
  bytes(`${SIGNATURE}${command}${family}${(body.length / 2).toString(16).padStart(4, '0')}${body}`);

describe('src/wire/proxy-header', () => {
  describe('version 1', () => {
    const six = (source: string, destination = '::1') => `PROXY TCP6 ${source} ${destination} 1 2\r\n`;
    const good: [string, string | undefined][] = [
      ['PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n', '192.0.2.1:56324 198.51.100.2:443'],
      [
        'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
        '255.255.255.255:65535 255.255.255.255:65535',
      ],
      ['PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n', '0.0.0.0:0 0.0.0.0:0'],
      [six('2001:db8::1'), '2001:db8::1:1 ::1:2'],
      [six('::ffff:192.0.2.1'), '::ffff:192.0.2.1:1 ::1:2'],
      [
        six('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff').replace(
          '1 2',
          '65535 65535',
        ),
        'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:65535 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:65535',
      ],
      ['PROXY UNKNOWN\r\n', undefined],
      [
        'PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n',
        undefined,
      ],
      ['PROXY UNKNOWN whatever it is\r\n', undefined],
    ];
    for (const [line, ends] of good) {
      it(`takes ${JSON.stringify(line)}`, () => {
        const read = readProxyHeader(Buffer.concat([Buffer.from(line), BEHIND]));
        expect(read?.length).to.equal(line.length);
        expect(endsOf(read)).to.equal(ends);
        expect(read?.header.values).to.deep.equal([]);
        for (let cut = 0; cut < line.length; cut += 1)
          expect(readProxyHeader(Buffer.from(line.slice(0, cut))), `${cut} bytes`).to.equal(undefined);
      });
    }

    for (const line of [
      'EHLO a\r\n',
      'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
      'PROXY\r\n',
      'PROXY \r\n',
      'PROXYTCP4\r\n',
      'PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n',
      'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n',
      'PROXY TCP5 ::1 ::1 1 2\r\n',
      'PROXY UNKNOWNX\r\n',
      'PROXY XUNKNOWN\r\n',
      'PROXY TCP4 192.0.2.1 ::1 1 2\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
      'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n',
      'PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n',
      'PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n',
      'PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n',
      'PROXY TCP4 2001:db8::1 ::1 1 2\r\n',
      six('192.0.2.1'),
      six('2001:db8:::1'),
      six('2001:db8::1::2'),
      six('1:2:3:4:5:6:7'),
      six('1:2:3:4:5:6:7:8:9'),
      six('fe80::1%eth0'),
      six('g::1'),
      six('12345::1'),
      'PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX',
      'PROXY UNKNOWN\n',
      `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
      `PROXY UNKNOWN ${'x'.repeat(200)}`,
    ]) {
      it(`refuses ${JSON.stringify(line)}`, () => refuses(Buffer.from(line)));
    }
  });

  describe('version 2', () => {
    const good: [string, Buffer, string | undefined][] = [
      ['TCP over IPv4', v2('21', '11', TCP4), '192.0.2.1:56324 198.51.100.2:443'],
      ['TCP over IPv6', v2('21', '21', TCP6), '2001:db8::1:56324 ::1:443'],
      ['UDP over IPv4, for itself', v2('21', '12', TCP4), undefined],
      ['UDP over IPv6, for itself', v2('21', '22', TCP6), undefined],
      ['a Unix stream, for itself', v2('21', '31', '61'.repeat(216)), undefined],
      ['a Unix datagram, for itself', v2('21', '32', '61'.repeat(216)), undefined],
      ['UNSPEC, for itself', v2('21', '00', ''), undefined],
      ['UNSPEC with a block, which is passed over', v2('21', '00', 'ff'.repeat(20)), undefined],
      ['a family without transport', v2('21', '10', ''), undefined],
      ['a transport without family', v2('21', '01', ''), undefined],
      ['LOCAL', v2('20', '00', ''), undefined],
      ['LOCAL with addresses, which are passed over', v2('20', '11', TCP4), undefined],
      ['LOCAL with a family that is none', v2('20', 'ff', 'ff'.repeat(7)), undefined],
      ['values of no known type', v2('21', '11', `${TCP4}ee0003616263`), '192.0.2.1:56324 198.51.100.2:443'],
      ['padding', v2('21', '11', `${TCP4}040000040002ffff`), '192.0.2.1:56324 198.51.100.2:443'],
      ['4096 bytes', v2('21', '11', `${TCP4}040ff1${'00'.repeat(4081)}`), '192.0.2.1:56324 198.51.100.2:443'],
    ];
    for (const [what, header, ends] of good) {
      it(`takes ${what}`, () => {
        const read = readProxyHeader(Buffer.concat([header, BEHIND]));
        expect(read?.length).to.equal(header.length);
        expect(endsOf(read)).to.equal(ends);
      });
    }

    it('has no values where it is LOCAL', () => {
      const read = readProxyHeader(v2('20', '11', `${TCP4}ee0003616263`));
      expect(read?.header).to.deep.equal({ endpoints: undefined, values: [] });
    });

    const bad: [string, Buffer][] = [
      ['a signature that is not quite one', bytes('0d0a0d0a000d0a515549540b2111000c')],
      ['CRLF', Buffer.from('\r\nEHLO a\r\n')],
      ['version 1', v2('11', '11', TCP4)],
      ['version 3', v2('31', '11', TCP4)],
      ['command 2', v2('22', '11', TCP4)],
      ['command 15', v2('2f', '11', TCP4)],
      ['family 4', v2('21', '41', TCP4)],
      ['transport 3', v2('21', '13', TCP4)],
      ['IPv4 addresses that are cut off', v2('21', '11', TCP4.slice(2))],
      ['IPv6 addresses that are cut off', v2('21', '21', TCP6.slice(2))],
      ['Unix addresses that are cut off', v2('21', '31', TCP6)],
      ['a value whose length is cut off', v2('21', '11', `${TCP4}0400`)],
      ['a value that is cut off', v2('21', '11', `${TCP4}04000461`)],
      ['4097 bytes, before they come', bytes(`${SIGNATURE}21111001`)],
      ['a value of which nothing has come', v2('21', '11', `${TCP4}040001`)],
      ['a wrong checksum', v2('21', '11', `${TCP4}03000400000000`)],
      ['a checksum of three bytes', v2('21', '11', `${TCP4}030003000000`)],
    ];
    for (const [what, header] of bad) it(`refuses ${what}`, () => refuses(header));

    it('takes a right checksum, wherever it stands, and refuses it with any bit changed', () => {
      const header = v2('21', '11', `${TCP4}03000400000000040001ff`);
      header.writeUInt32BE(crc32c(header), 31);
      expect(endsOf(readProxyHeader(header))).to.equal('192.0.2.1:56324 198.51.100.2:443');
      for (const at of [...Array(12).keys(), 15, 18, 22].map(index => 16 + index)) {
        const wrong = Buffer.from(header);
        wrong[at] = (wrong[at] ?? 0) ^ 0x10;
        refuses(wrong);
      }
    });
  });

  const address = fc.oneof(
    fc.tuple(fc.ipV4(), fc.ipV4()),
    fc.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipv6Text), fc.ipV6()),
  );
  const port = fc.nat(65_535);
  const value = fc.record({
    type: fc.integer({ min: 4, max: 255 }),
    value: fc.uint8Array({ maxLength: 300 }),
  });
  const BYTES = { minLength: 0, maxLength: 40 };

  it('reads what it writes, cut anywhere, and no byte of what is behind', () => {
    fc.assert(
      fc.property(
        address,
        port,
        port,
        fc.array(value, { maxLength: 5 }),
        fc.uint8Array(BYTES),
        (ips, p, q, values, tail) => {
          const [source, destination] = [
            { address: ips[0], port: p },
            { address: ips[1], port: q },
          ];
          for (const header of [
            Buffer.from(proxyLine(source, destination)),
            proxyBlock(source, destination, values),
          ]) {
            const cut = Math.floor((header.length * (p % 97)) / 97);
            expect(readProxyHeader(header.subarray(0, cut))).to.equal(undefined);
            const read = readProxyHeader(Buffer.concat([header, tail]));
            expect(read?.length).to.equal(header.length);
            expect(canonical(read?.header.endpoints?.source)).to.deep.equal(canonical(source));
            expect(canonical(read?.header.endpoints?.destination)).to.deep.equal(canonical(destination));
          }
          const read = readProxyHeader(proxyBlock(source, destination, values));
          expect(
            read?.header.values.slice(0, -1).map(each => ({ ...each, value: Uint8Array.from(each.value) })),
          ).to.deep.equal(values.map(each => ({ ...each, value: Uint8Array.from(each.value) })));
        },
      ),
    );
  });

  it('takes, waits or refuses, whatever the bytes, and decides the same however they are cut', () => {
    const start = fc.constantFrom(
      '',
      'PROXY ',
      'PROXY TCP4 ',
      'PROXY UNKNOWN',
      SIGNATURE,
      `${SIGNATURE}21`,
      `${SIGNATURE}2111`,
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (begin, rest) => {
        const first = begin.startsWith('0d') ? bytes(begin) : Buffer.from(begin);
        const all = Buffer.concat([first, rest]);
        const whole = outcome(all);
        let early = 'waits';
        for (let end = 0; end <= all.length && early === 'waits'; end += 1)
          early = outcome(all.subarray(0, end));
        expect(early).to.equal(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('says UNKNOWN and UNSPEC of ends that are not of one family', () => {
    const unix = { address: '', port: 0 };
    expect(proxyLine(SOURCE, unix)).to.equal('PROXY UNKNOWN\r\n');
    const six = { address: '::1', port: 1 };
    for (const [source, destination] of [
      [SOURCE, six],
      [six, SOURCE],
      [unix, SOURCE],
      [unix, six],
      [SOURCE, unix],
    ] as const) {
      expect(proxyLine(source, destination)).to.equal('PROXY UNKNOWN\r\n');
      const block = Buffer.from(proxyBlock(source, destination, []));
      expect(block.toString('hex')).to.equal(`${SIGNATURE}21000000`);
    }
  });

  it('writes what the specification shows', () => {
    expect(proxyLine(SOURCE, DESTINATION)).to.equal('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n');
    const header = Buffer.from(proxyBlock(SOURCE, DESTINATION, [])).toString('hex');
    expect(header.slice(0, -8)).to.equal(`${SIGNATURE}21110013${TCP4}030004`);
    expect(Buffer.from(writeValues([{ type: 0x02, value: bytes('6162') }])).toString('hex')).to.equal(
      '0200026162',
    );
  });

  it('has the checksum of RFC 3720 Appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).to.equal(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).to.equal(0x62a8ab43);
    expect(crc32c(Buffer.from('123456789'))).to.equal(0xe3069283);
  });

  it('is told by how it begins, as soon as that can be told', () => {
    const signature = bytes(SIGNATURE).toString('latin1');
    for (const begin of ['PROXY ', 'PROXY TCP4', signature, `${signature}!`])
      expect(beginsProxyHeader(begin), begin).to.equal(true);
    for (const begin of ['', 'P', 'PROXY', '\r', signature.slice(0, -1)])
      expect(beginsProxyHeader(begin), begin).to.equal(undefined);
    for (const begin of ['PROXI', 'proxy ', '\r\nX', 'EHLO a', ' PROXY '])
      expect(beginsProxyHeader(begin), begin).to.equal(false);
  });
});

function endsOf(read: ReturnType<typeof readProxyHeader>): string | undefined {
  if (read === undefined) return 'waits';
  const { endpoints } = read.header;
  if (endpoints === undefined) return undefined;
  return Object.values(endpoints)
    .map(({ address, port }) => `${address}:${port}`)
    .join(' ');
}

function refuses(data: Buffer): void {
  expect(() => readProxyHeader(data))
    .to.throw(SallyportError)
    .with.property('code', 'ERR_PROXY_HEADER');
}

/** An address by its bytes, as IPv6 has several forms. */
function canonical(end: { readonly address: string; readonly port: number } | undefined) {
  return { port: end?.port, address: ipv6Bytes(end?.address ?? '')?.toString('hex') ?? end?.address };
}

function outcome(data: Uint8Array): string {
  try {
    return readProxyHeader(data) === undefined ? 'waits' : 'taken';
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'ERR_PROXY_HEADER') return 'refused';
    throw error;
  }
}
