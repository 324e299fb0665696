import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import { Access } from '../../src/admin/access.ts';
import { adminDefaults, createAdmin, startAdmin } from '../../src/admin/admin.ts';
import type { Status } from '../../src/admin/status.ts';
import { SallyportError } from '../../src/errors.ts';
import { createServer } from '../../src/server.ts';
import { testCertificates } from '../support/certificates.ts';
import { sumOf } from '../support/exposition.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { RememberingLog } from '../support/remembering-log.ts';
import { ROOT } from '../support/root.ts';
import { serving, stopServing } from '../support/serving.ts';
import { greeted, underTls } from '../support/speak.ts';
import { ask, metricsOf, sayTo, stopTelling, telling } from '../support/telling.ts';

const TOKEN = 'correct-horse-battery-staple';

describe('src/admin/admin', () => {
  afterEach(async () => {
    await stopTelling();
    await stopServing();
  });
  after(removeFolders);

  describe('/metrics', () => {
    it('is the text format of Prometheus, with the process', async () => {
      const { server, port } = await serving(smtp);
      const admin = await telling({ servers: [server] });
      const { headers, status } = await ask(admin, '/metrics');
      expect(status).to.equal(200);
      expect(headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
      const families = await metricsOf(admin);
      expect(
        sumOf(families, 'sallyport_listener_info', { listener: `smtp:${port}`, tls: 'required' }),
      ).to.equal(1);
      expect(families).to.include.keys(
        'process_cpu_seconds_total',
        'process_open_fds',
        'nodejs_version_info',
      );
    });

    it('has every protocol, from when it listens', async () => {
      const { server: certificate } = await testCertificates();
      const servers = protocols.map(protocol => createServer({ protocol, certificate }));
      const admin = await telling({ servers });
      expect((await metricsOf(admin)).get('sallyport_listener_info')?.samples).to.deep.equal([]);
      for (const server of servers) await server.listen({ port: 0 });
      const listeners = (await metricsOf(admin)).get('sallyport_listener_info')?.samples ?? [];
      expect(listeners.map(({ labels }) => labels['protocol'])).to.deep.equal(
        protocols.map(({ name }) => name),
      );
      await Promise.all(servers.map(server => server.close({ within: 0 })));
    });

    it('tells two listeners of one protocol and port apart, and those of Unix sockets', async () => {
      const { server: certificate } = await testCertificates();
      const path = join(await folderWith(), 'smtp');
      const servers = [1, 2, 3].map(() => createServer({ protocol: smtp, certificate }));
      const [one, two, three] = servers;
      const port = (await one?.listen({ port: 0, host: '127.0.0.1' }))?.port ?? 0;
      await two?.listen({ port, host: '127.0.0.2' });
      await three?.listen({ path });
      const admin = await telling({ servers });
      const listeners = (await metricsOf(admin)).get('sallyport_listener_info')?.samples ?? [];
      expect(listeners.map(({ labels }) => labels['listener'])).to.deep.equal([
        `smtp:${port}`,
        `smtp:127.0.0.2:${port}`,
        `smtp:${path}`,
      ]);
      await Promise.all(servers.map(server => server.close({ within: 0 })));
    });
  });

  describe('/status.json', () => {
    it('has what the page shows: the funnel, what was negotiated, failures by reason, certificates', async () => {
      const { server, connect, over, port } = await serving(smtp);
      const admin = await telling({ servers: [server] });
      (await underTls(await connect(), smtp)).say('QUIT\r\n');
      (await greeted(await connect(), smtp)).say('EHLO a\r\nSTARTTLS\r\nNOOP\r\n');
      await over(2);
      const { text, headers } = await ask(admin, '/status.json');
      expect(headers.get('content-type')).to.equal('application/json');
      const status: Status = JSON.parse(text);
      const funnel = { connected: 2, greeted: 2, asked: 1, clientHello: 1, secured: 1, handedOver: 0 };
      expect(status).to.deep.include({ ready: true, processes: 1, funnel, resumed: 0, droppedPlaintext: 6 });
      expect(status.versions).to.deep.equal({ 'TLSv1.3': 1 });
      expect(status.listeners.map(({ name, funnel: own }) => [name, own])).to.deep.equal([
        [`smtp:${port}`, funnel],
      ]);
      expect(status.failures).to.deep.equal([
        {
          code: 'ERR_PLAINTEXT_AFTER_UPGRADE',
          message: 'Plaintext behind the upgrade command',
          blame: 'peer',
          count: 1,
          reached: { greeted: 1 },
        },
      ]);
      expect(
        status.certificates.map(({ subject, daysLeft }) => [subject, Math.round(daysLeft)]),
      ).to.deep.equal([['CN=localhost', 2]]);
      expect(status.bytes.clientIn).to.be.greaterThan(300);
    });

    it('has the seconds since the last time that it was asked for', async () => {
      const { server, connect } = await serving(smtp);
      const admin = await telling({ servers: [server] });
      await underTls(await connect(), smtp);
      const samples = async (since: string): Promise<Status['samples']> =>
        JSON.parse((await ask(admin, `/status.json${since}`)).text).samples;
      let seen = await samples('');
      while (!seen.some(({ handshakes }) => handshakes === 1)) seen = await samples('?since=nonsense');
      const [sample] = seen.filter(({ handshakes }) => handshakes === 1);
      expect(sample?.open).to.equal(1);
      expect(sample?.handshakeMedian).to.be.greaterThan(0);
      const last = seen.at(-1)?.at ?? 0;
      for (const { at } of await samples(`?since=${last}`)) expect(at).to.be.greaterThan(last);
    });
  });

  describe('/healthz and /readyz', () => {
    it('say that the process lives, and whether all servers take connections', async () => {
      const { server: certificate } = await testCertificates();
      const server = createServer({ protocol: smtp, certificate });
      const admin = await telling({ servers: [server] });
      const told = async () => {
        const [health, ready] = [await ask(admin, '/healthz'), await ask(admin, '/readyz')];
        return [health.status, health.text, ready.status, ready.text];
      };
      expect(await told()).to.deep.equal([200, 'ok\n', 503, 'not ready\n']);
      await server.listen({ port: 0 });
      expect(await told()).to.deep.equal([200, 'ok\n', 200, 'ready\n']);
      await server.close();
      expect(await told()).to.deep.equal([200, 'ok\n', 503, 'not ready\n']);
    });

    it('say so of a Unix socket as well, which keeps its name', async () => {
      const { server: certificate } = await testCertificates();
      const server = createServer({ protocol: smtp, certificate });
      const admin = await telling({ servers: [server] });
      await server.listen({ path: join(await folderWith(), 'smtp') });
      expect((await ask(admin, '/readyz')).status).to.equal(200);
      await server.close();
      expect((await ask(admin, '/readyz')).status).to.equal(503);
    });

    it('take the word of who knows better', async () => {
      let ready = true;
      const admin = await telling({ ready: () => ready });
      expect((await ask(admin, '/readyz')).status).to.equal(200);
      ready = false;
      expect((await ask(admin, '/readyz')).status).to.equal(503);
    });
  });

  describe('access', () => {
    it('needs a token beyond the loopback', () => {
      for (const host of ['0.0.0.0', '::', '192.0.2.1', 'mail.example.org', '1127.0.0.1']) {
        expect(() => createAdmin({ address: { host, port: 0 } }), host).to.throw(
          SallyportError,
          'needs a token',
        );
        createAdmin({ address: { host, port: 0 }, token: TOKEN }).figures.stop();
      }
      for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) {
        createAdmin({ address: { host, port: 0 } }).figures.stop();
      }
      createAdmin({ address: { path: '/run/admin' } }).figures.stop();
      expect(new Access(adminDefaults.address, undefined).permits({})).to.equal(true);
    });

    it('takes no token that could be guessed, or that no header could carry', () => {
      for (const token of ['', 'short', 'with a blank in it....', `${TOKEN}\n`, 'x'.repeat(513)]) {
        expect(() => createAdmin({ token }), token).to.throw(SallyportError, '16 to 512');
      }
    });

    it('gives figures for the token alone; the page and the health checks hold none', async () => {
      const admin = await telling({ token: TOKEN });
      const asked = (path: string, authorization?: string) =>
        ask(admin, path, authorization === undefined ? {} : { headers: { authorization } });
      for (const path of ['/metrics', '/status.json', '/status.json?since=1']) {
        for (const wrong of [
          undefined,
          'Bearer',
          `Bearer ${TOKEN}x`,
          `Basic ${TOKEN}`,
          TOKEN,
          `Bearer ${TOKEN} x`,
        ]) {
          const { status, headers, text } = await asked(path, wrong);
          expect([status, headers.get('www-authenticate'), text], `${path} ${wrong}`).to.deep.equal([
            401,
            'Bearer realm="sallyport"',
            'Unauthorized\n',
          ]);
        }
        expect((await asked(path, `Bearer ${TOKEN}`)).status).to.equal(200);
        expect((await asked(path, `bearer  ${TOKEN}`)).status).to.equal(200);
      }
      for (const path of ['/healthz', '/readyz', '/']) expect((await asked(path)).status, path).to.equal(200);
    });

    it('refuses without a token what was asked of another name, as a page elsewhere would (DNS rebinding)', async () => {
      const admin = await telling();
      const asked = async (host: string) =>
        Number(/^HTTP\/1\.1 (\d+)/.exec(await sayTo(admin, get('/metrics', host)))?.[1]);
      for (const host of ['attacker.example', 'localhost.attacker.example:9464', '127.0.0.1.example.org']) {
        expect(await asked(host), host).to.equal(421);
      }
      for (const host of ['localhost', 'localhost:9464', '127.0.0.1:9464', '[::1]:9464', 'admin.localhost']) {
        expect(await asked(host), host).to.equal(200);
      }
    });
  });

  describe('requests', () => {
    it('may only read: HEAD has the head of GET, and nothing else is allowed', async () => {
      const admin = await telling();
      const head = await ask(admin, '/healthz', { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length'), head.text]).to.deep.equal([200, '3', '']);
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const { status, headers } = await ask(admin, '/metrics', { method });
        expect([status, headers.get('allow')], method).to.deep.equal([405, 'GET, HEAD']);
      }
    });

    it('for what is not there are told so', async () => {
      const admin = await telling();
      for (const path of ['/nothing', '/metrics/', '//', '/../package.json', '/%2e%2e/package.json']) {
        expect((await ask(admin, path)).status, path).to.equal(404);
      }
    });

    it('have answers that are not kept, framed, sniffed or put together with anything from elsewhere', async () => {
      const admin = await telling();
      for (const path of ['/', '/metrics', '/status.json', '/healthz', '/nothing']) {
        const { headers } = await ask(admin, path);
        expect(headers.get('cache-control'), path).to.equal('no-store');
        expect(headers.get('x-content-type-options'), path).to.equal('nosniff');
        expect(headers.get('content-security-policy'), path).to.match(/^default-src 'none'; /);
        expect(headers.get('content-security-policy'), path).to.not.match(/unsafe|\*|https?:|data:/);
        expect(headers.get('access-control-allow-origin'), path).to.equal(null);
        expect(headers.get('x-powered-by'), path).to.equal(null);
      }
    });

    it('with a body are answered once, and what is in it is no request', async () => {
      const admin = await telling();
      const body = get('/metrics', 'localhost');
      const heard = await sayTo(
        admin,
        `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      expect(heard.match(/^HTTP\/1\.1 /gm)?.length).to.equal(1);
      expect(heard).to.match(/\r\n\r\nok\n$/);
    });

    it('that are none, or too long, are refused', async () => {
      const admin = await telling();
      expect(await sayTo(admin, 'EHLO there\r\n\r\n')).to.match(/^HTTP\/1\.1 400 /);
      expect(await sayTo(admin, `GET /${'x'.repeat(9000)} HTTP/1.1\r\n\r\n`)).to.match(/^HTTP\/1\.1 431 /);
      expect(
        await sayTo(admin, get('/healthz', 'localhost').replace('close', 'upgrade\r\nUpgrade: h2c')),
      ).to.equal('');
    });

    it('that fail in here are told nothing, and the log all', async () => {
      const log = new RememberingLog();
      const admin = await telling({ log, snapshots: () => Promise.reject(new Error('a secret')) });
      const { status, text } = await ask(admin, '/metrics');
      expect([status, text]).to.deep.equal([500, 'Internal error\n']);
      expect(
        log.lines.map(({ level, message, fields }) => [level, message, String(fields['err'])]),
      ).to.deep.equal([['error', 'admin failed', 'Error: a secret']]);
    });
  });

  it('serves every file that its page is made of, and each as what it is', async () => {
    const admin = await telling();
    const types: Readonly<Record<string, string>> = {
      js: 'text/javascript',
      css: 'text/css',
      svg: 'image/svg+xml',
    };
    const found = new Set(['']);
    for (const file of found) {
      const { status, headers, text } = await ask(admin, `/${file}`);
      expect(status, file).to.equal(200);
      expect(headers.get('content-type'), file).to.contain(types[file.split('.')[1] ?? ''] ?? 'text/html');
      if (file === '') expect(text).to.not.match(/ (style|on\w+)=|<script>|<style>/);
      for (const [, page, script] of text.matchAll(
        / (?:src|href)="([\w./]+)"|^import .* from '\.\/([\w.]+)';$/gm,
      )) {
        if (!/^(metrics|status\.json)$/.test(page ?? '')) found.add(page ?? `page/${script}`);
      }
    }
    const scripts = readdirSync(join(ROOT, 'src/admin/page')).filter(name => name.endsWith('.js'));
    expect([...found]).to.have.members([
      ...['', 'icon.svg', 'page.css', 'chart.js'],
      ...scripts.map(name => `page/${name}`),
    ]);
  });

  it('listens where it is told to, or says why it cannot', async () => {
    const path = join(await folderWith(), 'admin');
    const admin = await telling({ address: { path } });
    expect(admin.address).to.deep.equal({ address: path, family: 'Unix', port: 0 });
    const failure = await startAdmin({ address: { path } }).catch(error => error);
    expect(failure).to.include({ code: 'ERR_LISTEN', message: `Cannot listen: ${path}: EADDRINUSE` });
    await admin.close();
    expect(admin.address).to.equal(undefined);
  });
});

function get(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
}
