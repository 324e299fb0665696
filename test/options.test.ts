import { expect } from 'chai';
import { smtp } from '../protocol/smtp.ts';
import { SallyportError } from '../src/errors.ts';
import { connectionsByDescriptors, defaults, resolveOptions, type ServerOptions } from '../src/options.ts';

const least: ServerOptions = { protocol: smtp, certificate: { cert: '', key: '' } };

describe('src/options', () => {
  it('fills in every default', () => {
    const resolved = resolveOptions(least);
    expect(resolved).to.include(defaults);
    expect(resolved.hostname).to.be.a('string').that.is.not.empty;
    expect(resolved.maxConnections).to.equal(connectionsByDescriptors());
    expect(resolved.available()).to.equal(true);
  });

  it('takes undefined for the default', () => {
    const given = { ...least, badCommands: undefined } as unknown as ServerOptions; // as JavaScript callers may
    expect(resolveOptions(given).badCommands).to.equal(10);
  });

  it('knows how many descriptors the process may have', () => {
    expect(connectionsByDescriptors()).to.be.greaterThan(0);
  });

  const mistakes: [Partial<ServerOptions>, string][] = [
    [{ handshakeTimeout: 0 }, 'handshakeTimeout'],
    [{ dialogueTimeout: -1 }, 'dialogueTimeout'],
    [{ commandTimeout: 2 ** 31 }, 'commandTimeout'],
    [{ idleTimeout: 1.5 }, 'idleTimeout'],
    [{ badCommands: Number.NaN }, 'badCommands'],
    [{ maxConnections: -1 }, 'maxConnections'],
    [{ maxPerAddress: Number.POSITIVE_INFINITY }, 'maxPerAddress'],
    [{ hostname: 'evil\r\nhost' }, 'hostname'],
    [{ hostname: '' }, 'hostname'],
    [{ capabilities: ['SIZE\r\nX'] }, 'capabilities'],
    [{ clientCertificate: 'require' }, 'clientCertificate'],
  ];
  for (const [mistake, name] of mistakes) {
    it(`refuses ${JSON.stringify(mistake)}, and names the option`, () => {
      expect(() => resolveOptions({ ...least, ...mistake }))
        .to.throw(SallyportError, name)
        .with.property('code', 'ERR_OPTION');
    });
  }
});
