import { expect } from 'chai';
import { silent } from '../../src/log.ts';
import { DropLog } from '../../src/net/drop-log.ts';

describe('src/net/drop-log', () => {
  it('writes one line for a flood', () => {
    const lines: unknown[] = [];
    const log = Object.assign(Object.create(silent), { warn: (fields: unknown) => lines.push(fields) });
    const drops = new DropLog(log);
    for (let count = 0; count < 100; count += 1) drops.dropped();
    expect(lines).to.deep.equal([{ count: 1 }]);
  });
});
