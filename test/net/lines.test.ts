import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { linesOf } from '../../src/net/lines.ts';

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

describe('src/net/lines', () => {
  it('gives the lines of a stream, and not the one that its end cuts off', async () => {
    const stream = new PassThrough();
    stream.write('one\r\ntw');
    stream.end('o\nthree');
    expect(await all(linesOf(stream))).to.deep.equal(['one', 'two']);
  });

  it('gives back what is unread when the loop is left', async () => {
    const stream = new PassThrough();
    stream.write('one\r\ntwo\r\nthr');
    for await (const line of linesOf(stream)) {
      expect(line).to.equal('one');
      break;
    }
    expect(stream.destroyed).to.equal(false);
    stream.end('ee\r\n');
    expect(await all(linesOf(stream))).to.deep.equal(['two', 'three']);
  });

  it('throws past its limit, and for a line that two parsers would see differently', async () => {
    for (const [text, options, code] of [
      ['long\r\n', { limit: 4 }, 'ERR_LINE_TOO_LONG'],
      ['a\rb\r\n', {}, 'ERR_BAD_LINE'],
      ['a\n', { strict: true }, 'ERR_BAD_LINE'],
    ] as const) {
      const stream = new PassThrough();
      stream.end(text);
      const error = await all(linesOf(stream, options)).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', code);
    }
  });

  it('throws what breaks the stream', async () => {
    const stream = new PassThrough();
    const reading = all(linesOf(stream)).catch((reason: unknown) => reason);
    stream.destroy(new Error('broken'));
    expect(String(await reading)).to.contain('broken');
  });
});
