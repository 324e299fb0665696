import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { TicketKeys, type TicketKeysOptions } from '../../src/net/ticket-keys.ts';

const HOUR = 3_600_000;

describe('src/net/ticket-keys', () => {
  let now = 0;
  const clock = () => now;
  const keysOf = (options: TicketKeysOptions = {}) => new TicketKeys({ rotate: HOUR, clock, ...options });
  const names = (keys: TicketKeys, purpose = 'any') =>
    keys.for(purpose).map(({ name }) => Buffer.from(name).toString('hex'));

  beforeEach(() => {
    now = 500 * HOUR + 1;
  });

  it('are as long as OpenSSL wants them, and no two are the same', () => {
    const [key] = keysOf().for('any');
    const parts = [key?.name, key?.hmac, key?.aes];
    expect(parts.map(part => part?.length)).to.deep.equal([16, 16, 16]);
    expect(new Set(parts.map(part => part && Buffer.from(part).toString('hex'))).size).to.equal(3);
    expect(names(keysOf())).to.not.deep.equal(names(keysOf()));
  });

  it('are others for another purpose', () => {
    const keys = keysOf();
    expect(names(keys, 'one')).to.deep.equal(names(keys, 'one'));
    expect(names(keys, 'one')).to.not.have.members(names(keys, 'two'));
  });

  it('rotate, and open what the one before has sealed', () => {
    const keys = keysOf();
    const [first] = names(keys);
    expect(names(keys)).to.deep.equal([first]);
    now += HOUR;
    const [second, old] = names(keys);
    expect(old).to.equal(first);
    expect(second).to.not.equal(first);
    now += HOUR;
    expect(names(keys)[1]).to.equal(second);
    expect(names(keys)).to.have.length(2).and.not.include(first);
    now += 100 * HOUR;
    expect(names(keys)).to.not.include(second);
  });

  it('rotate once a day where nothing else is said', () => {
    const keys = new TicketKeys({ clock });
    const first = names(keys);
    now += 2 * HOUR;
    expect(names(keys)).to.deep.equal(first);
    now += 24 * HOUR;
    expect(names(keys)).to.not.deep.equal(first);
  });

  it('are not moved by a clock that is set back', () => {
    const keys = keysOf();
    now += HOUR;
    const later = names(keys);
    now -= HOUR;
    expect(names(keys)).to.deep.equal(later);
  });

  describe('shared with another process', () => {
    it('are the same there, and stay so', () => {
      const keys = keysOf();
      const others = new TicketKeys({ clock, shared: keys.share() });
      expect(names(others)).to.deep.equal(names(keys));
      now += 3 * HOUR;
      expect(names(others)).to.deep.equal(names(keys));
      const late = new TicketKeys({ clock, shared: keys.share() });
      expect(names(late)).to.deep.equal(names(keys));
    });

    it('do not tell what they were before', () => {
      const keys = keysOf();
      const first = keys.share();
      now += 2 * HOUR;
      const [seed] = /"seed":"[^"]+"/.exec(first) ?? [];
      expect(seed).to.be.a('string');
      expect(keys.share()).to.not.contain(seed);
    });
  });

  describe('of a secret', () => {
    const secret = randomBytes(32);

    it('are the same wherever it is known, at the same time', () => {
      expect(names(keysOf({ secret }))).to.deep.equal(names(keysOf({ secret })));
      expect(names(keysOf({ secret }))).to.not.have.members(names(keysOf({ secret: randomBytes(32) })));
      expect(names(new TicketKeys({ clock, shared: keysOf({ secret }).share() }))).to.deep.equal(
        names(keysOf({ secret })),
      );
    });

    it('open what is sealed where the clock is ahead, or behind, of a rotation', () => {
      const keys = keysOf({ secret });
      const [current] = names(keys);
      now += HOUR;
      const ahead = keysOf({ secret });
      const [next] = names(ahead);
      expect(names(ahead)).to.include(current);
      now -= HOUR;
      expect(names(keys)).to.include(next).and.to.have.length(3);
    });
  });

  it('refuses what cannot be meant', () => {
    for (const options of [{ rotate: 59_999 }, { rotate: 90_000.5 }, { secret: randomBytes(31) }]) {
      expect(() => keysOf(options))
        .to.throw()
        .with.property('code', 'ERR_OPTION');
    }
  });
});
