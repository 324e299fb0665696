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

  it('holds trusted networks to the limit of all connections, and to no limit of one address', async () => {
    const limits = { maxConnections: 3, maxPerAddress: 1, connectionsPerMinute: 1, handshakesPerMinute: 1 };
    const admission = new Admission({ ...limits, trusted: ['192.0.2.0/24', '2001:db8::/32'] });
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1']) {
      expect(admission.admit(address)).to.equal(undefined);
      expect(admission.connect(address)).to.equal(undefined);
      expect(admission.secure(address)).to.equal(undefined);
    }
    expect(admission.admit('192.0.2.1')?.code).to.equal('ERR_TOO_MANY_CONNECTIONS');
  });

  it('counts over time each address, an IPv6 /64 as one, and connections apart from handshakes', async () => {
    const admission = new Admission({ maxConnections: 0, connectionsPerMinute: 2, handshakesPerMinute: 1 });
    const connect = async (address: string) => (await admission.connect(address))?.code;
    expect(await connect('2001:db8::1')).to.equal(undefined);
    expect(await connect('2001:db8::2')).to.equal(undefined);
    expect(await connect('2001:db8::3')).to.equal('ERR_CONNECTION_RATE');
    expect(await connect('2001:db8:0:1::3')).to.equal(undefined);
    expect(await admission.secure('2001:db8::1')).to.equal(undefined);
    expect((await admission.secure('2001:db8::9'))?.code).to.equal('ERR_HANDSHAKE_RATE');
  });

  it('asks nobody about those behind a Unix socket, nor where there is no limit over time', () => {
    const limited = new Admission({ maxConnections: 0, connectionsPerMinute: 1, handshakesPerMinute: 1 });
    expect([limited.connect(''), limited.secure('')]).to.deep.equal([undefined, undefined]);
    const free = new Admission({ maxConnections: 0 });
    expect([free.connect('192.0.2.1'), free.secure('192.0.2.1')]).to.deep.equal([undefined, undefined]);
  });

  it('names the option and the network that is none', () => {
    expect(() => new Admission({ maxConnections: 0, trusted: ['all'] })).to.throw('trusted: "all"');
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
