import { expect } from 'chai';
import { imap, lmtp, protocols, smtp } from '../../protocol/index.ts';
import { SallyportError } from '../../src/errors.ts';
import { parseTarget, targetUrl } from '../../src/probe/probe-target.ts';

function fault(url: string): string {
  try {
    parseTarget(url, protocols);
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'ERR_OPTION') return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe('src/probe/probe-target', () => {
  it('takes the usual port where none is given', () => {
    expect(parseTarget('smtp://mail.example.org', protocols)).to.deep.equal({
      protocol: smtp,
      implicit: false,
      address: { host: 'mail.example.org', port: 25 },
    });
    expect(parseTarget('imaps://mail.example.org/', protocols)).to.deep.equal({
      protocol: imap,
      implicit: true,
      address: { host: 'mail.example.org', port: 993 },
    });
  });

  it('takes a port, an address of IPv6 and a Unix socket', () => {
    expect(parseTarget('SMTP://[2001:db8::1]:587', protocols).address).to.deep.equal({
      host: '2001:db8::1',
      port: 587,
    });
    expect(parseTarget('lmtp:///var/run/lmtp', protocols)).to.deep.equal({
      protocol: lmtp,
      implicit: false,
      address: { path: '/var/run/lmtp' },
    });
  });

  it('knows every protocol by its name, and writes what it reads', () => {
    for (const protocol of protocols) {
      const url = `${protocol.name}://host.example.org:${protocol.port}`;
      expect(targetUrl(parseTarget(url, protocols))).to.equal(url);
      const implicit = `${protocol.name}s://[::1]:4711`;
      expect(targetUrl(parseTarget(implicit, protocols))).to.equal(implicit);
    }
  });

  it('says what is wrong with a target', () => {
    expect(fault('mail.example.org')).to.equal(
      'Bad option: target "mail.example.org": not a URL like smtp://mail.example.org',
    );
    expect(fault('gopher://x')).to.match(/unknown protocol; known are smtp, lmtp, /);
    expect(fault('sieves://x')).to.match(/sieve has no usual port for TLS from the first byte/);
    expect(fault('smtp://x:0')).to.match(/port 0 is not from 1 to 65535/);
    expect(fault('smtp://x:70000')).to.match(/port 70000 is not/);
    for (const url of [
      'smtp://',
      'smtp://x:y',
      'smtp://a b',
      'smtp://[::1',
      'smtp://[fe80]',
      'smtp://u@x',
      'smtp://x/y',
    ]) {
      expect(fault(url)).to.match(/target "smtp/);
    }
  });
});
