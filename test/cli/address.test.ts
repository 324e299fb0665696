import { expect } from 'chai';
import { address, upstreams } from '../../src/cli/address.ts';

describe('src/cli/address', () => {
  it('takes a name or an address with a port, and a path', () => {
    expect(address('mail.example.org:25')).to.deep.equal({ host: 'mail.example.org', port: 25 });
    expect(address('0.0.0.0:0')).to.deep.equal({ host: '0.0.0.0', port: 0 });
    expect(address('[::1]:25')).to.deep.equal({ host: '::1', port: 25 });
    expect(address('/run/mail')).to.deep.equal({ path: '/run/mail' });
    expect(address('unix:/run/mail')).to.deep.equal({ path: '/run/mail' });
  });

  it('takes a name (SNI) before an upstream, and adds it to those before', () => {
    const first = upstreams('*.example.org=[::1]:25');
    expect(upstreams('/run/mail', first)).to.deep.equal([
      { host: '::1', port: 25, servername: '*.example.org' },
      { path: '/run/mail' },
    ]);
    expect(upstreams('a=unix:/run/x=y')).to.deep.equal([{ path: '/run/x=y', servername: 'a' }]);
    expect(upstreams('/run/x=y')).to.deep.equal([{ path: '/run/x=y' }]);
  });

  it('refuses all else', () => {
    for (const text of [
      '',
      'a',
      ':25',
      'a:',
      'a:65536',
      '::1:25',
      '[a]:25',
      'unix:a',
      'a b:25',
      'a:25x',
      'http://a:25',
    ]) {
      expect(() => address(text), text).to.throw(/It must be/);
    }
  });
});
