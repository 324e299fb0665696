import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type * as net from 'node:net';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { sealTickets } from '../../src/net/seal-tickets.ts';
import { TicketKeys } from '../../src/net/ticket-keys.ts';
import type { Certificate, TlsOptions } from '../../src/options.ts';
import { testCertificates } from '../support/certificates.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { type Visited, visit } from '../support/returning-client.ts';
import { FROM_SOURCE, ROOT } from '../support/root.ts';
import { sClient } from '../support/s-client.ts';
import { type Serving, serving, stopServing } from '../support/serving.ts';

const HOUR = 3_600_000;

describe('session tickets', () => {
  let first: Certificate;
  let second: Certificate;
  let renewed: Certificate;

  before(async () => {
    const { authority } = await testCertificates();
    const named = (commonName: string, name: string) =>
      issueCertificate({ commonName, days: 2, names: [name] }, authority);
    first = await named('first', 'first.example.org');
    second = await named('second', 'second.example.org');
    renewed = await named('renewed', 'second.example.org');
  });

  afterEach(stopServing);
  after(removeFolders);

  const greeting = (options: Partial<TlsOptions>): Promise<Serving> =>
    serving(line, { tls: 'implicit', certificate: first, ...options }, session => session.writeLine('hello'));

  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  for (const version of versions) {
    describe(version, () => {
      const speaking = { minVersion: version, maxVersion: version };
      const again = (port: number, { session }: Visited, options: tls.ConnectionOptions = {}) =>
        visit(port, { ...speaking, ...options, ...(session && { session }) });

      for (const name of ['first', 'second', 'nowhere']) {
        it(`are taken after the certificates were replaced: ${name}`, async () => {
          const { server, port } = await greeting({ certificates: [second] });
          const servername = `${name}.example.org`;
          const before = await visit(port, { ...speaking, servername });
          expect(before).to.include({ resumed: false, subject: name === 'second' ? 'second' : 'first' });
          server.replaceTls({ certificate: first, certificates: [renewed] });
          expect(await again(port, before, { servername })).to.include({ resumed: true });
          expect(await visit(port, { ...speaking, servername })).to.include({
            resumed: false,
            subject: name === 'second' ? 'renewed' : 'first',
          });
        });
      }

      it('are not taken after the authorities of clients were replaced', async () => {
        const { authority, client } = await testCertificates();
        const trusting = { certificate: first, clientCertificate: 'require', ca: authority.cert } as const;
        const { server, port, over } = await greeting(trusting);
        const admitted = await visit(port, { ...speaking, ...client });
        server.replaceTls({ ...trusting, certificate: renewed });
        expect(await again(port, admitted, client)).to.include({ resumed: true });
        server.replaceTls({ ...trusting, ca: first.cert });
        expect(await again(port, admitted, client).catch(() => 'refused')).to.equal('refused');
        expect((await over(3))[2]?.error?.code).to.equal('ERR_HANDSHAKE_CERTIFICATE');
      });

      it('open no server that asks for more, where keys are shared', async () => {
        const { authority, client } = await testCertificates();
        const ticketKeys = new TicketKeys();
        const open = await greeting({ ticketKeys });
        const like = await greeting({ ticketKeys, certificate: second });
        const asking = await greeting({ ticketKeys, ca: authority.cert, clientCertificate: 'request' });
        const guest = await visit(open.port, { ...speaking, ...client });
        expect(await again(like.port, guest)).to.include({ resumed: true });
        expect(await again(asking.port, guest)).to.include({ resumed: false });
      });

      it('are taken for one rotation of the keys more, and renewed', async () => {
        let now = 100 * HOUR;
        const ticketKeys = new TicketKeys({ rotate: HOUR, clock: () => now });
        const { port } = await greeting({ ticketKeys, certificates: [second] });
        const before = await visit(port, speaking);
        now += HOUR;
        const after = await again(port, before);
        expect(after).to.include({ resumed: true });
        now += HOUR;
        expect(await again(port, after)).to.include({ resumed: true });
        expect(await again(port, before)).to.include({ resumed: false });
      });

      it('are sealed with the first key alone where Node has no more to offer', async () => {
        let now = 100 * HOUR;
        const keys = new TicketKeys({ rotate: HOUR, clock: () => now });
        const server = tls.createServer(renewed, secure => secure.end('hello'));
        const { context } = (server as unknown as { _sharedCreds: { context: object } })._sharedCreds;
        Object.assign(context, { enableTicketKeyCallback: undefined });
        sealTickets(server, () => keys.for('any'));
        await once(server.listen(0, '127.0.0.1'), 'listening');
        const { port } = server.address() as net.AddressInfo;
        try {
          const before = await visit(port, speaking);
          expect(await again(port, before)).to.include({ resumed: true });
          now += HOUR;
          const after = await again(port, before);
          expect(after).to.include({ resumed: false });
          expect(await again(port, after)).to.include({ resumed: true });
        } finally {
          server.close();
        }
      });
    });
  }

  it('are taken by another process that has the same secret, and by none that has not', async () => {
    const secret = randomBytes(32);
    const folder = await folderWith({ 'cert.pem': first.cert, 'key.pem': first.key });
    const { port } = await greeting({ ticketKeys: new TicketKeys({ secret }) });
    const { port: stranger } = await greeting({});
    const [child, childPort] = await otherProcess(folder, secret);
    try {
      for (const version of ['-tls1_2', '-tls1_3']) {
        const ticket = join(folder, version);
        const said = async (...args: Parameters<typeof sClient>) => (await sClient(...args)).stdout;
        expect(await said(childPort, version, '-sess_out', ticket, '-ign_eof')).to.contain('New, TLSv1');
        expect(await said(port, version, '-sess_in', ticket, '-ign_eof')).to.contain('Reused, TLSv1');
        expect(await said(stranger, version, '-sess_in', ticket, '-ign_eof')).to.contain('New, TLSv1');
      }
    } finally {
      child.kill();
    }
  });
});

const OTHER_PROCESS = `
const { createServer, TicketKeys, line, loadCertificate } = await import(process.argv[1]);
const folder = process.argv[2];
const certificate = await loadCertificate({ cert: folder + '/cert.pem', key: folder + '/key.pem' });
const ticketKeys = new TicketKeys({ secret: Buffer.from(process.argv[3], 'hex') });
const server = createServer({ protocol: line, tls: 'implicit', certificate, ticketKeys }, s => s.writeLine('hello'));
console.log((await server.listen({ port: 0 })).port);
`;

async function otherProcess(folder: string, secret: Buffer): Promise<[ChildProcess, number]> {
  const index = join(ROOT, FROM_SOURCE ? 'src/index.ts' : 'dist/src/index.js');
  const loader = FROM_SOURCE ? ['--no-warnings', '--import', 'tsx'] : [];
  const args = [
    ...loader,
    '--input-type=module',
    '--eval',
    OTHER_PROCESS,
    index,
    folder,
    secret.toString('hex'),
  ];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  return [child, Number(port)];
}
