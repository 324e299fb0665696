import { expect } from 'chai';
import { SallyportError } from '../../src/errors.ts';
import { Privileges } from '../../src/run/privileges.ts';

const FORBIDDEN = new SallyportError('ERR_LISTEN', '0.0.0.0 port 25: EACCES', {
  cause: Object.assign(new Error('listen EACCES'), { code: 'EACCES' }),
});
const TAKEN = new SallyportError('ERR_LISTEN', '0.0.0.0 port 25: EADDRINUSE', {
  cause: Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' }),
});

describe('src/run/privileges', () => {
  it('are what they were where nobody is named, and a fault says nothing of them', () => {
    const privileges = new Privileges();
    privileges.drop({});
    privileges.check({});
    expect(privileges.explained(FORBIDDEN)).to.equal(FORBIDDEN);
  });

  it('cannot be had for somebody else after the start', () => {
    const privileges = new Privileges();
    expect(() => privileges.check({ user: 'mail' }))
      .to.throw('Cannot give up privileges: another user or group needs a new start')
      .with.property('code', 'ERR_PRIVILEGES');
  });

  it('are the reason why an address cannot be had any more', () => {
    const privileges = new Privileges();
    const { setgroups } = process;
    // Its own group: nothing is given up, but that only root may say so.
    Reflect.set(process, 'setgroups', () => undefined);
    privileges.drop({ group: `${process.getgid?.()}` });
    Reflect.set(process, 'setgroups', setgroups);
    expect(privileges.explained(TAKEN)).to.equal(TAKEN);
    expect(String(privileges.explained(FORBIDDEN))).to.match(
      /Cannot listen: 0\.0\.0\.0 port 25: EACCES: the privileges for it were given up; it needs a new start/,
    );
  });
});
