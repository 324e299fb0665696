import { once } from 'node:events';
import * as net from 'node:net';
import { expect } from 'chai';
import { smtp } from '../../protocol/index.ts';
import { SallyportError } from '../../src/errors.ts';
import { checkIds } from '../../src/probe/check-table.ts';
import type { ProbeOptions } from '../../src/probe/probe-options.ts';
import type { ProbeTarget } from '../../src/probe/probe-target.ts';
import { probe } from '../../src/probe.ts';
import { testCertificates } from '../support/certificates.ts';
import { serving, stopServing } from '../support/serving.ts';

describe('probe', () => {
  after(stopServing);

  const nowhere: ProbeTarget = { protocol: smtp, implicit: false, address: { host: '127.0.0.1', port: 1 } };

  async function fault(target: ProbeTarget, options: ProbeOptions): Promise<string> {
    const error = await probe(target, options).catch((reason: unknown) => reason);
    if (error instanceof SallyportError) return error.message;
    throw new Error('it was taken');
  }

  async function ours(): Promise<ProbeTarget> {
    const { port } = await serving(smtp);
    return { protocol: smtp, implicit: false, address: { host: '127.0.0.1', port } };
  }

  it('refuses options that cannot be meant, and names them', async () => {
    expect(await fault(nowhere, { timeout: 0 })).to.match(/^Bad option: timeout must be/);
    expect(await fault(nowhere, { expiryDays: 1.5 })).to.match(/^Bad option: expiryDays must be/);
    expect(await fault(nowhere, { hostname: 'a b' })).to.match(/^Bad option: hostname must be/);
    const wrong = ['no-such-check'] as unknown as ProbeOptions['only'] & object; // as from a command line
    expect(await fault(nowhere, { only: wrong })).to.equal('Bad option: unknown check "no-such-check"');
    expect(await fault(nowhere, { skip: wrong })).to.equal('Bad option: unknown check "no-such-check"');
  });

  it('tells a certificate that OpenSSL does not take from a fault of the server', async () => {
    const clientCertificate = { cert: 'no certificate', key: 'no key' };
    expect(await fault(await ours(), { clientCertificate })).to.match(/^Bad certificate or key: /);
  });

  it('says why a server cannot be probed', async () => {
    const { verdict, error, findings, passed } = await probe(nowhere, { timeout: 1000 });
    expect([verdict, findings, passed]).to.deep.equal(['failed', [], []]);
    expect(error).to.deep.equal({
      code: 'ERR_CONNECT',
      message: 'Cannot connect: 127.0.0.1:1: ECONNREFUSED',
    });
  });

  it('does not take a server of another protocol for one without TLS', async () => {
    const server = net.createServer(socket => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    const target: ProbeTarget = { ...nowhere, address: { host: '127.0.0.1', port } };
    const { verdict, error } = await probe(target, { timeout: 1000 });
    server.close();
    expect([verdict, error?.code]).to.deep.equal(['failed', 'ERR_UNEXPECTED_REPLY']);
  });

  it('carries out the checks that are asked for, and tells of each', async () => {
    const told: string[] = [];
    const { passed, notTried, findings } = await probe(await ours(), {
      ca: (await testCertificates()).authority.cert,
      only: ['tls-not-offered', 'certificate-name', 'old-tls'],
      skip: ['old-tls'],
      progress: check => told.push(check),
    });
    expect(findings).to.deep.equal([]);
    expect(passed).to.deep.equal(['tls-not-offered', 'certificate-name']);
    expect(told).to.deep.equal(passed);
    expect(notTried.map(({ reason }) => reason)).to.deep.equal(checkIds.slice(2).map(() => 'not asked for'));
  });

  it('begins no further check once it is broken off', async () => {
    const { passed, notTried } = await probe(await ours(), { signal: AbortSignal.abort() });
    expect(passed).to.deep.equal([]);
    expect(notTried.filter(({ reason }) => reason === 'the probe was broken off').length).to.be.above(30);
  });

  it('is plain data, and shows nothing that a server said unescaped', async () => {
    const server = net.createServer(socket => {
      socket.on('error', () => {}).on('data', () => {});
      socket.end('220 \x1b[31mred\x07\r\n');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a listening server
    const result = await probe({ ...nowhere, address: { host: '127.0.0.1', port } }, { timeout: 1000 });
    server.close();
    expect(JSON.stringify(result)).to.match(/^[\x20-\x7e]+$/);
    expect(JSON.stringify(result.transcript)).to.contain('220 \\\\x1b[31mred\\\\x07');
  });
});
