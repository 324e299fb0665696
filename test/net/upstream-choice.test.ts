import { expect } from 'chai';
import { type UpstreamAddress, UpstreamChoice } from '../../src/net/upstream-choice.ts';

const at = (port: number, servername?: string): UpstreamAddress => ({
  host: '192.0.2.1',
  port,
  ...(servername === undefined ? {} : { servername }),
});
const ports = (addresses: readonly UpstreamAddress[]) =>
  addresses.map(address => ('port' in address ? address.port : 0));

describe('src/net/upstream-choice', () => {
  it('lets all take turns', () => {
    const choice = new UpstreamChoice([at(1), at(2), at(3)]);
    const turns = Array.from({ length: 4 }, () => ports(choice.inTurn(undefined)));
    expect(turns).to.deep.equal([
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
      [1, 2, 3],
    ]);
  });

  it('chooses by name, in any case, then by the name with a wildcard, then those without a name', () => {
    const choice = new UpstreamChoice([
      at(1, 'A.example.org'),
      at(2, '*.example.org'),
      at(3),
      at(4, 'b.example.net'),
    ]);
    const chosen = (name: string | undefined) => ports(choice.inTurn(name));
    expect(choice.byName).to.equal(true);
    expect(chosen('a.EXAMPLE.org')).to.deep.equal([1]);
    expect(chosen('b.example.org')).to.deep.equal([2]);
    for (const other of ['example.org', 'b.a.example.org', '__proto__', '', undefined]) {
      expect(chosen(other), other).to.deep.equal([3]);
    }
  });

  it('has none for a name that nobody has, where all have names', () => {
    expect(new UpstreamChoice([at(1, 'a.example.org')]).inTurn('b.example.org')).to.deep.equal([]);
    expect(new UpstreamChoice([at(1, 'a.example.org')]).inTurn(undefined)).to.deep.equal([]);
  });

  it('leaves out for ten seconds what has failed, and tries it all the same when nothing else is left', () => {
    let now = 0;
    const [one, two] = [at(1), at(2)];
    const choice = new UpstreamChoice([one, two], () => now);
    choice.failed(one);
    expect(ports(choice.inTurn(undefined))).to.deep.equal([2, 1]);
    expect(ports(choice.inTurn(undefined))).to.deep.equal([2, 1]);
    now = 10_000;
    expect(ports(choice.inTurn(undefined))).to.deep.equal([1, 2]);
    choice.failed(one);
    choice.failed(two);
    expect(ports(choice.inTurn(undefined)).sort()).to.deep.equal([1, 2]);
    choice.succeeded(two);
    expect(ports(choice.inTurn(undefined))[0]).to.equal(2);
    expect(ports(choice.inTurn(undefined))[0]).to.equal(2);
  });
});
