import { expect } from 'chai';
import { expectReply, type Reply, readReply, reply } from '../../src/dialogue/reply.ts';
import { readStep } from '../support/read-step.ts';

describe('src/dialogue/reply', () => {
  it('writes a hyphen behind the code of all lines but the last', () => {
    expect(reply(250, 'one')).to.equal('250 one\r\n');
    expect(reply(250, 'one', 'two', 'three')).to.equal('250-one\r\n250-two\r\n250 three\r\n');
    expect(reply(250)).to.equal('');
  });

  const read: Readonly<Record<string, Reply | string>> = {
    '220 ready\r\n': { code: 220, lines: ['ready'] },
    '220\r\n': { code: 220, lines: [''] },
    '220 \r\n': { code: 220, lines: [''] },
    '250-one\r\n250-two\r\n250 three\r\n': { code: 250, lines: ['one', 'two', 'three'] },
    '250-one\r\n250\r\n': { code: 250, lines: ['one', ''] },
    '211-first\r\n UTF8\r\n500 is no end\r\n211 end\r\n': {
      code: 211,
      lines: ['first', ' UTF8', '500 is no end', 'end'],
    },
    '250-one\r\n': 'waits',
    '': 'waits',
    '2200 ready\r\n': 'ERR_UNEXPECTED_REPLY',
    '620 ready\r\n': 'ERR_UNEXPECTED_REPLY',
    '020 ready\r\n': 'ERR_UNEXPECTED_REPLY',
    '22 ready\r\n': 'ERR_UNEXPECTED_REPLY',
    ' 220 ready\r\n': 'ERR_UNEXPECTED_REPLY',
    '2x0 ready\r\n': 'ERR_UNEXPECTED_REPLY',
    '22x ready\r\n': 'ERR_UNEXPECTED_REPLY',
    '220x\r\n': 'ERR_UNEXPECTED_REPLY',
    '\r\n': 'ERR_UNEXPECTED_REPLY',
  };
  for (const [said, result] of Object.entries(read)) {
    it(`makes of ${JSON.stringify(said)} ${JSON.stringify(result)}`, () =>
      expect(readStep(readReply, said)).to.deep.equal(result));
  }

  it('reads 128 lines, and no more', () => {
    const inner = '250-x\r\n'.repeat(127);
    expect(readStep(readReply, `${inner}250 x\r\n`))
      .to.have.property('lines')
      .with.lengthOf(128);
    expect(readStep(readReply, `${inner}250-x\r\n`)).to.equal('ERR_UNEXPECTED_REPLY');
  });

  it('insists on a code', () => {
    const say = '454 not now\r\n';
    expect(readStep(peer => expectReply(peer, 454), say)).to.deep.equal({ code: 454, lines: ['not now'] });
    expect(readStep(peer => expectReply(peer, 220), say)).to.equal('ERR_UNEXPECTED_REPLY');
    expect(readStep(peer => expectReply(peer, 220, 'ERR_TLS_REFUSED'), say)).to.equal('ERR_TLS_REFUSED');
  });
});
