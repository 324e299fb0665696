import { expect } from 'chai';
import { Admission, addressKey } from '../../src/net/admission.ts';

describe('src/net/admission', () => {
  it('counts in all and for each address, and forgets who has left', () => {
    const admission = new Admission({ maxConnections: 3, maxPerAddress: 2 });
    expect(admission.admit('192.0.2.1')).to.equal(undefined);
    expect(admission.admit('192.0.2.1')).to.equal(undefined);
    expect(admission.admit('192.0.2.1')?.code).to.equal('ERR_TOO_MANY_FROM_ADDRESS');
    expect(admission.admit('192.0.2.2')).to.equal(undefined);
    expect(admission.admit('192.0.2.3')?.code).to.equal('ERR_TOO_MANY_CONNECTIONS');
    admission.release('192.0.2.1');
    expect(admission.total).to.equal(2);
    expect(admission.admit('192.0.2.1')).to.equal(undefined);
  });

  it('limits nothing at 0', () => {
    const admission = new Admission({ maxConnections: 0, maxPerAddress: 0 });
    for (let count = 0; count < 1000; count++) expect(admission.admit('192.0.2.1')).to.equal(undefined);
  });

  it('takes an IPv6 /64 for one, and a mapped IPv4 address for itself', () => {
    expect(addressKey('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2::/64');
    expect(addressKey('2001:DB8:1:2::9')).to.equal('2001:db8:1:2::/64');
    expect(addressKey('2001:db8::1')).to.equal('2001:db8:0:0::/64');
    expect(addressKey('fe80::1%eth0')).to.equal('fe80:0:0:0::/64');
    expect(addressKey('::1')).to.equal('0:0:0:0::/64');
    expect(addressKey('::')).to.equal('0:0:0:0::/64');
    expect(addressKey('::ffff:192.0.2.1')).to.equal('192.0.2.1');
    expect(addressKey('192.0.2.1')).to.equal('192.0.2.1');
    expect(addressKey('')).to.equal('');
  });
});
