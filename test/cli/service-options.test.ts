import { join } from 'node:path';
import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { type ServiceOptions, settingsOf, tryRows } from '../../src/cli/service-options.ts';
import { createServer } from '../../src/server.ts';
import { testCertificates } from '../support/certificates.ts';
import { folderWith, removeFolders } from '../support/folder.ts';

const OPTIONS = {
  maxPerAddress: 5,
  connectionsPerMinute: 60,
  handshakesPerMinute: 30,
  detectTimeout: 0.5,
  handshakeTimeout: 1.5,
  idleTimeout: 0,
} as unknown as ServiceOptions; // those that count here

describe('src/cli/service-options', () => {
  after(removeFolders);

  it('takes seconds of the command line for milliseconds, and leaves out what was not given', () => {
    expect(settingsOf(OPTIONS)).to.deep.equal({
      maxPerAddress: 5,
      connectionsPerMinute: 60,
      handshakesPerMinute: 30,
      detectTimeout: 500,
      handshakeTimeout: 1500,
      idleTimeout: 0,
    });
  });

  it('passes on the limits and networks', () => {
    const given = { ...OPTIONS, maxConnections: 7, proxyFrom: ['192.0.2.0/24'], trusted: ['198.51.100.1'] };
    const { maxConnections, proxyFrom, trusted } = given;
    expect(settingsOf(given)).to.include({ maxConnections, proxyFrom, trusted });
  });

  it('shows both ways of one port, an IPv6 address in brackets, and a path as it is', async () => {
    const { server } = await testCertificates();
    const path = join(await folderWith(), 'socket');
    const shown = async (
      listen: { port: number; host?: string } | { path: string },
      tls: 'auto' | 'required',
    ) => {
      const listening = createServer({ protocol: smtp, certificate: server, tls });
      await listening.listen(listen);
      const rows = tryRows(listening);
      await listening.close({ within: 0 });
      return rows.map(({ address }) => address.replace(/:\d+$/, ':port'));
    };
    expect(await shown({ port: 0 }, 'auto')).to.deep.equal(['127.0.0.1:port', '127.0.0.1:port']);
    expect(await shown({ port: 0, host: '::1' }, 'required')).to.deep.equal(['[::1]:port']);
    expect(await shown({ path }, 'required')).to.deep.equal([path]);
  });
});
