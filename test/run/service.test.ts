import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import * as net from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { SessionEnd } from '../../src/net/session-end.ts';
import type { Server } from '../../src/server.ts';
import { configurationFolder } from '../support/configuration-files.ts';
import { removeFolders } from '../support/folder.ts';
import { plainMail, plainUpstream, stopUpstreams } from '../support/proxying.ts';
import { type Visited, visit } from '../support/returning-client.ts';
import { configurationOf, KeptLog, newService, portOf, stopServices } from '../support/services.ts';
import { WireClient } from '../support/wire-client.ts';

const CERTIFICATES = 'certificates: [{ cert: mail.pem, key: mail.key }]\n';
const ECHO = `export default async session => {
  for await (const line of session.lines()) await session.writeLine('echo ' + line);
};
`;

describe('src/run/service', () => {
  let folder: string;
  const clients: WireClient[] = [];

  before(async () => {
    folder = await configurationFolder();
    await writeFile(join(folder, 'echo.mjs'), ECHO);
    await writeFile(join(folder, 'no-module.mjs'), 'throw new Error("no good");');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await stopServices();
    stopUpstreams();
  });
  after(removeFolders);

  const read = (text: string) => configurationOf(folder, text);
  const lineListener = (more = '', address = '127.0.0.1:0') =>
    read(`${CERTIFICATES}listeners:\n  - { protocol: line, address: '${address}', app: echo.mjs ${more} }\n`);

  async function connect(port: number): Promise<WireClient> {
    const client = await WireClient.connect(port);
    clients.push(client);
    return client;
  }

  /** A session of the protocol `line`, under TLS. */
  async function session(port: number): Promise<WireClient> {
    const client = await connect(port);
    await client.until(/\r\n/);
    client.say('STARTTLS\r\n');
    await client.until(/OK.*\r\n/);
    await client.startTls();
    return client;
  }

  async function expectEcho(client: WireClient, word: string): Promise<void> {
    client.say(`${word}\r\n`);
    expect(await client.until(/echo .*\r\n/)).to.contain(`echo ${word}`);
  }

  describe('starts', () => {
    it('every listener on every address, and says so', async () => {
      const log = new KeptLog();
      const service = newService(log);
      const upstream = await plainUpstream(plainMail);
      const path = join(folder, 'line.sock');
      expect(service.ready).to.equal(false);
      await service.start(
        await read(`${CERTIFICATES}listeners:
  - { protocol: line, address: ['127.0.0.1:0', '[::1]:0', 'unix:${path}'], exec: cat }
  - { protocol: smtp, address: '127.0.0.1:0', proxy: { to: '127.0.0.1:${upstream.port}' } }
`),
      );
      expect(service.ready).to.equal(true);
      expect(
        log.with('listening').map(fields => Object.entries(fields).flat().slice(0, 4).join(' ')),
      ).to.deep.equal([
        'protocol line role server',
        'protocol line role server',
        'protocol line role server',
        'protocol smtp role proxy',
      ]);
      const copied = await session(portOf(service));
      await copied.say('hello\r\n').until('hello');
      const mail = await connect(portOf(service, 3));
      await mail.until(/^220 .*\r\n/);
      const unix = net.connect({ path });
      await once(unix, 'data');
      unix.destroy();
    });

    it('nowhere, if one cannot listen', async () => {
      const service = newService();
      await service.start(await lineListener());
      const port = portOf(service);
      const other = newService();
      const path = join(folder, 'never.sock');
      const text = `${CERTIFICATES}listeners: [{ protocol: line, address: ['unix:${path}', '127.0.0.1:${port}'] }]\n`;
      const error = await other.start(await read(text)).catch(error => error);
      expect(error).to.include({ code: 'ERR_LISTEN' });
      expect({ ready: other.ready, there: existsSync(path) }).to.deep.equal({ ready: false, there: false });
    });

    it('nowhere, if an application cannot be loaded', async () => {
      const text = `${CERTIFICATES}listeners: [{ protocol: line, address: 127.0.0.1:0, app: no-module.mjs }]\n`;
      const error = await newService()
        .start(await read(text))
        .catch(error => error);
      expect(error).to.include({ code: 'ERR_APPLICATION_MODULE' });
    });
  });

  describe('on a Unix socket', () => {
    const onPath = (path: string) => lineListener('', `unix:${path}`);

    it('takes the place of a process that has left its file behind', async () => {
      const path = join(folder, 'stale.sock');
      // As a process that is killed leaves it: listening, renamed, so that closing does not remove it.
      const dead = net.createServer().listen(`${path}.1`);
      await once(dead, 'listening');
      const { rename } = await import('node:fs/promises');
      await rename(`${path}.1`, path);
      await new Promise(resolve => dead.close(resolve));
      expect(existsSync(path)).to.equal(true);
      const service = newService();
      await service.start(await onPath(path));
      const client = net.connect({ path });
      await once(client, 'data');
      client.destroy();
    });

    it('leaves alone where somebody answers, and what is no socket', async () => {
      const path = join(folder, 'taken.sock');
      await newService().start(await onPath(path));
      expect(
        await newService()
          .start(await onPath(path))
          .catch(error => error),
      ).to.include({ code: 'ERR_LISTEN' });
      const client = net.connect({ path });
      await once(client, 'data');
      client.destroy();
      const file = join(folder, 'mail.key');
      const before = readFileSync(file, 'utf8');
      expect(
        await newService()
          .start(await onPath(file))
          .catch(error => error),
      ).to.include({ code: 'ERR_LISTEN' });
      expect(readFileSync(file, 'utf8')).to.equal(before);
    });
  });

  describe('reloads', () => {
    it('what has not changed as it is', async () => {
      const service = newService();
      await service.start(await lineListener());
      const [server] = service.servers;
      const port = portOf(service);
      const client = await session(port);
      expect(await service.reload(await lineListener())).to.deep.equal({
        added: 0,
        changed: 0,
        removed: 0,
        kept: 1,
      });
      expect(service.servers).to.deep.equal([server]);
      expect(portOf(service)).to.equal(port);
      await expectEcho(client, 'still here');
    });

    it('another certificate for new handshakes, and takes the tickets of before', async () => {
      const service = newService();
      await writePair('renewed', 'first');
      const implicit = () =>
        read(`certificates: [{ cert: renewed.pem, key: renewed.key }]
listeners: [{ protocol: line, address: '127.0.0.1:0', tls: implicit, exec: echo hello; cat }]
`);
      await service.start(await implicit());
      const port = portOf(service);
      const before = await visit(port);
      expect(before.subject).to.equal('first');
      await writePair('renewed', 'second');
      // The listener is the same: what its files hold is not in the configuration.
      expect(await service.reload(await implicit())).to.include({ changed: 0, kept: 1 });
      const again: Visited = await visit(port, before.session && { session: before.session });
      expect(again.resumed).to.equal(true);
      expect(await visit(port)).to.include({ resumed: false, subject: 'second' });
    });

    it('other options, another protocol and another application for new connections, and lets the old ones go on', async () => {
      const service = newService();
      await service.start(await lineListener());
      const port = portOf(service);
      const client = await session(port);
      const text = `${CERTIFICATES}listeners:
  - { protocol: smtp, address: '127.0.0.1:0', hostname: renamed.example.org, exec: cat }
`;
      expect(await service.reload(await read(text))).to.include({ changed: 1, removed: 0 });
      const other = await connect(port);
      expect(await other.until(/.*\r\n/)).to.match(/^220 renamed\.example\.org ESMTP/);
      await expectEcho(client, 'still the old one');
      expect(service.servers[0]?.protocol.name).to.equal('smtp');
    });

    it('a listener to another upstream, while the old sessions keep theirs', async () => {
      const [one, two] = [await plainUpstream(plainMail), await plainUpstream(plainMail)];
      const behind = (upstream: { readonly port: number }) =>
        read(`${CERTIFICATES}listeners:
  - { protocol: smtp, address: '127.0.0.1:0', proxy: { to: '127.0.0.1:${upstream.port}' } }
`);
      const service = newService();
      await service.start(await behind(one));
      const port = portOf(service);
      const mail = async () => {
        const client = await connect(port);
        await client.until(/^220 .*\r\n/);
        client.say('STARTTLS\r\n');
        await client.until(/^220 .*\r\n/);
        await client.startTls();
        await client.say('EHLO me\r\nVRFY a\r\n').until('upstream heard VRFY a');
        return client;
      };
      const client = await mail();
      await service.reload(await behind(two));
      await mail();
      expect([one.sockets.length, two.sockets.length]).to.deep.equal([1, 1]);
      await client.say('VRFY b\r\n').until('upstream heard VRFY b');
      expect([one.sockets.length, two.sockets.length]).to.deep.equal([1, 1]);
    });

    it('the limits over all', async () => {
      const limited = (connections: number) =>
        read(`${CERTIFICATES}limits: { connections: ${connections} }
listeners: [{ protocol: smtp, address: ['127.0.0.1:0', '127.0.0.1:0'] }]
`);
      const service = newService();
      await service.start(await limited(1));
      const client = await connect(portOf(service));
      await client.until(/^220 /);
      const refused = await connect(portOf(service, 1));
      expect(await refused.until(/.*\r\n/)).to.match(/^421 /);
      expect(await service.reload(await limited(2))).to.include({ changed: 2 });
      const admitted = await connect(portOf(service, 1));
      expect(await admitted.until(/.*\r\n/)).to.match(/^220 /);
    });

    it('drains what is left out: farewell in the dialogue, and sessions end by themselves', async () => {
      const two = (addresses: string) =>
        read(`${CERTIFICATES}listeners: [{ protocol: smtp, address: ${addresses}, app: echo.mjs }]\n`);
      const service = newService();
      await service.start(await two("['127.0.0.1:0', '[::1]:0']"));
      const port = portOf(service);
      const talking = await connect(port);
      await talking.until(/^220 .*\r\n/);
      const client = await connect(port);
      await client.until(/^220 .*\r\n/);
      client.say('STARTTLS\r\n');
      await client.until(/^220 .*\r\n/);
      await client.startTls();
      await expectEcho(client, 'one');
      const [server] = service.servers;
      const ended = ends(server, 2);
      expect(await service.reload(await two("['[::1]:0']"))).to.deep.equal({
        added: 0,
        changed: 0,
        removed: 1,
        kept: 1,
      });
      expect(await talking.until(/.*\r\n/)).to.match(/^421 /);
      await expectEcho(client, 'two');
      expect(await connect(port).catch(error => error.code)).to.equal('ECONNREFUSED');
      client.destroy();
      await ended;
    });

    it('nothing, if a new address cannot be listened on', async () => {
      const service = newService();
      await service.start(await lineListener());
      const port = portOf(service);
      const other = newService();
      await other.start(await lineListener());
      const text = `${CERTIFICATES}listeners:
  - { protocol: smtp, address: ['127.0.0.1:0', '[::1]:0', '127.0.0.1:${port}'] }
`;
      const [server] = other.servers;
      const error = await other.reload(await read(text)).catch(error => error);
      expect(error).to.include({ code: 'ERR_LISTEN' });
      expect(other.servers).to.deep.equal([server]);
      expect(server?.protocol.name).to.equal('line');
      await expectEcho(await session(portOf(other)), 'as before');
    });
  });

  it('changes all listeners or, if one cannot be changed, none', async () => {
    const two = await read(`${CERTIFICATES}listeners:
  - { protocol: smtp, address: '127.0.0.1:0', hostname: before.example.org }
  - { protocol: smtp, address: '[::1]:0' }
`);
    const service = newService();
    await service.start(two);
    const [first, second] = two.listeners.map(listener => ({
      ...listener,
      options: { ...listener.options, hostname: 'after.example.org' },
    }));
    if (first === undefined || second === undefined) throw new Error('two listeners');
    const bad = { ...second, options: { ...second.options, badCommands: -1 } };
    const path = join(folder, 'not-even-this.sock');
    const more = { ...first, address: { path }, name: path };
    const error = await service.reload({ ...two, listeners: [first, bad, more] }).catch(error => error);
    expect(error).to.include({ code: 'ERR_OPTION' });
    expect(existsSync(path)).to.equal(false);
    const client = await connect(portOf(service));
    expect(await client.until(/.*\r\n/)).to.contain('before.example.org');
  });

  describe('drains', () => {
    it('is not ready any more, accepts nobody, and is done when the sessions are', async () => {
      const service = newService();
      await service.start(await lineListener());
      const port = portOf(service);
      const client = await session(port);
      await expectEcho(client, 'one');
      const talking = await connect(port);
      await talking.until(/\r\n/);
      const drained = service.drain(60_000);
      expect(service.ready).to.equal(false);
      await talking.end();
      expect(await connect(port).catch(error => error.code)).to.equal('ECONNREFUSED');
      await expectEcho(client, 'two');
      client.destroy();
      await drained;
    });

    it('cuts off at the deadline what has not ended', async () => {
      const service = newService();
      await service.start(await lineListener());
      const client = await session(portOf(service));
      await expectEcho(client, 'one');
      const ended = ends(service.servers[0], 1);
      await service.drain(50);
      expect((await ended)[0]?.error?.code).to.equal('ERR_SHUTTING_DOWN');
      await client.end();
    });

    it('lets no reload in', async () => {
      const service = newService();
      await service.start(await lineListener());
      await service.drain(0);
      const error = await service.reload(await lineListener()).catch(error => error);
      expect(error).to.include({ code: 'ERR_SHUTTING_DOWN' });
    });

    it('closes what a reload under way has opened', async () => {
      const service = newService();
      await service.start(await lineListener());
      const path = join(folder, 'late.sock');
      const reload = service.reload(await lineListener('', `unix:${path}`)).catch(error => error);
      await service.drain(0);
      expect(await reload).to.include({ code: 'ERR_SHUTTING_DOWN' });
      expect(existsSync(path)).to.equal(false);
    });
  });

  /** The first so many connections of a server that are over. */
  async function ends(server: Server | undefined, count: number): Promise<readonly SessionEnd[]> {
    const over: SessionEnd[] = [];
    if (server === undefined) throw new Error('no server');
    server.on('end', end => over.push(end));
    while (over.length < count) await once(server, 'end');
    return over;
  }

  async function writePair(name: string, commonName: string): Promise<void> {
    const { cert, key } = await issueCertificate({ commonName, days: 2, names: ['localhost'] });
    await writeFile(join(folder, `${name}.pem`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
});
