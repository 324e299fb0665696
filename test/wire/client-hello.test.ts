import { expect } from 'chai';
import { startsClientHello } from '../../src/wire/client-hello.ts';

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
});
