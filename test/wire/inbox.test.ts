import { Buffer } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { Inbox } from '../../src/wire/inbox.ts';

function filled(...pieces: readonly string[]): Inbox {
  const inbox = new Inbox();
  for (const piece of pieces) inbox.append(Buffer.from(piece, 'latin1'));
  return inbox;
}

describe('src/wire/inbox', () => {
  it('gives lines without their ends, CRLF or LF', () => {
    const inbox = filled('EHLO a\r\nNOOP\nQU');
    expect(inbox.line(512)).to.equal('EHLO a');
    expect(inbox.line(512)).to.equal('NOOP');
    expect(inbox.line(512)).to.equal(undefined);
    expect(inbox.length).to.equal(2);
  });

  it('counts the line end into the limit', () => {
    expect(filled('1234\r\n').line(6)).to.equal('1234');
    expect(() => filled('12345\r\n').line(6))
      .to.throw()
      .with.property('code', 'ERR_LINE_TOO_LONG');
    expect(filled('12345').line(6)).to.equal(undefined);
    expect(() => filled('123456').line(6))
      .to.throw()
      .with.property('code', 'ERR_LINE_TOO_LONG');
  });

  it('refuses a bare CR and a NUL', () => {
    for (const line of ['a\rb\r\n', 'a\r\r\n', 'a\0b\r\n', '\r\r\n']) {
      expect(() => filled(line).line(512))
        .to.throw()
        .with.property('code', 'ERR_BAD_LINE');
    }
  });

  it('takes only CRLF for a line end where that is demanded', () => {
    expect(filled('a\r\n\r\n').line(512, { strict: true })).to.equal('a');
    expect(filled('a\n').line(512, { strict: false })).to.equal('a');
    for (const line of ['a\n', '\n', 'a\n.\r\n', '\n.\n']) {
      expect(() => filled(line).line(512, { strict: true }), JSON.stringify(line))
        .to.throw()
        .with.property('code', 'ERR_BAD_LINE');
    }
  });

  it('refuses a bare LF however the bytes are cut', () => {
    const inbox = filled('a\r');
    expect(inbox.line(512, { strict: true })).to.equal(undefined);
    inbox.append(Buffer.from('\nb'));
    expect(inbox.line(512, { strict: true })).to.equal('a');
    inbox.append(Buffer.from('\n'));
    expect(() => inbox.line(512, { strict: true }))
      .to.throw()
      .with.property('code', 'ERR_BAD_LINE');
  });

  it('gives the same lines however the bytes are cut', () => {
    const bytes = fc.array(fc.constantFrom(...'ab\r\n'), { maxLength: 60 }).map(letters => letters.join(''));
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(5)), (text, cuts) => {
        expect(read(cut(text, cuts))).to.deep.equal(read([text]));
      }),
    );
  });

  it('gives bytes, tokens and what is left, in order', () => {
    const inbox = filled('abc', '<stream', ':features>', 'rest');
    expect(Buffer.from(inbox.bytes(3) ?? []).toString()).to.equal('abc');
    expect(inbox.through('>', 100)).to.equal('<stream:features>');
    expect(inbox.peek()).to.equal('r'.charCodeAt(0));
    expect(inbox.peek(9)).to.equal(undefined);
    inbox.unread(Buffer.from('the '));
    expect(Buffer.from(inbox.take()).toString()).to.equal('the rest');
    expect(inbox.length).to.equal(0);
  });

  it('finds a token that is cut at every byte', () => {
    const inbox = new Inbox();
    for (const letter of '<a></a') {
      inbox.append(Buffer.from(letter));
      expect(inbox.through('</a>', 100)).to.equal(undefined);
    }
    inbox.append(Buffer.from('>x'));
    expect(inbox.through('</a>', 100)).to.equal('<a></a>');
    expect(() => filled('aaaa').through('>', 4))
      .to.throw()
      .with.property('code', 'ERR_LINE_TOO_LONG');
    expect(() => filled('aaaa>').through('>', 4))
      .to.throw()
      .with.property('code', 'ERR_LINE_TOO_LONG');
  });

  it('takes time linear in the bytes when they come one by one', () => {
    const time = (count: number) => {
      const inbox = new Inbox();
      const letter = Buffer.from('a');
      const begun = process.cpuUsage().user;
      for (let index = 0; index < count; index++) {
        inbox.append(letter);
        inbox.line(Number.MAX_SAFE_INTEGER);
      }
      return process.cpuUsage().user - begun;
    };
    time(50_000);
    const [short, long] = [time(50_000), time(400_000)];
    expect(long / short).to.be.lessThan(30, '8 times the bytes: linear is 8, quadratic 64');
  });

  it('lets go of a chunk that is consumed, and never writes into one', () => {
    const chunk = Buffer.from('abc');
    const inbox = new Inbox();
    inbox.append(chunk);
    inbox.append(Buffer.from('def'));
    expect(chunk.toString()).to.equal('abc');
    inbox.bytes(6);
    expect(inbox.take().buffer).to.not.equal(chunk.buffer);
  });
});

function cut(text: string, cuts: readonly number[]): string[] {
  const pieces: string[] = [];
  let rest = text;
  for (const length of cuts) {
    pieces.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return [...pieces, rest];
}

/** All lines, and the error that ends them. */
function read(pieces: readonly string[]): unknown[] {
  const inbox = new Inbox();
  const lines: unknown[] = [];
  try {
    for (const piece of pieces) {
      inbox.append(Buffer.from(piece, 'latin1'));
      for (let line = inbox.line(16); line !== undefined; line = inbox.line(16)) lines.push(line);
    }
  } catch (error) {
    lines.push(error instanceof Error && 'code' in error ? error.code : error);
  }
  return lines;
}
