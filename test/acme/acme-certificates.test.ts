import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import { AcmeCertificates } from '../../src/acme/acme-certificates.ts';
import type { AcmeOptions } from '../../src/acme/acme-options.ts';
import { CertificateStore } from '../../src/certificates/certificate-store.ts';
import type { SallyportError } from '../../src/errors.ts';
import { ChallengeListener } from '../../src/net/challenge-listener.ts';
import { AcmeAuthority } from '../support/acme-authority.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { visit } from '../support/returning-client.ts';
import { serving, stopServing } from '../support/serving.ts';

const NAME = 'mail.example.org';
const DAY = 86_400_000;

describe('src/acme', () => {
  let authority: AcmeAuthority;
  const started: { stop(): void }[] = [];

  beforeEach(async () => {
    authority = await AcmeAuthority.listening();
  });
  afterEach(async () => {
    for (const each of started.splice(0)) each.stop();
    authority.close();
    await stopServing();
  });
  after(removeFolders);

  async function opened(options: Partial<AcmeOptions> = {}): Promise<AcmeCertificates> {
    const folder = options.folder ?? (await folderWith());
    const given = {
      names: [[NAME]],
      authority: `${authority.url}/`,
      termsAgreed: true,
      retry: 1,
      ...options,
    };
    const acme = await AcmeCertificates.open({ ...given, folder });
    started.push(acme);
    return acme;
  }

  async function answering(): Promise<ChallengeListener> {
    const http = new ChallengeListener();
    authority.ports.http = (await http.listen({ port: 0 })).port;
    started.push({ stop: () => void http.close() });
    return http;
  }

  it('gets a certificate by HTTP-01, and keeps it and the key of its account to itself', async () => {
    const folder = await folderWith();
    const acme = await opened({ folder, names: [[NAME, 'www.example.org']], contact: 'me@example.org' });
    const file = join(acme.source.directory, `${NAME}.pem`);
    expect(await readFile(file, 'utf8')).to.contain('BEGIN CERTIFICATE');
    acme.start({ http: await answering() });
    const [names] = await once(acme, 'issued');
    expect(names).to.deep.equal([NAME, 'www.example.org']);
    expect(authority.orders).to.deep.equal([names]);
    for (const each of [file, join(folder, 'account.key')]) {
      expect((await stat(each)).mode & 0o777).to.equal(0o600);
    }
    const store = await CertificateStore.open({ sources: [acme.source] });
    expect(store.list).to.have.length(1);
    expect(store.list[0]).to.deep.include({ names, daysLeft: 89, error: undefined });
  });

  for (const tls of ['implicit', 'auto'] as const) {
    it(`gets one by TLS-ALPN-01 from a server that begins without (${tls})`, async () => {
      const acme = await opened();
      const store = await CertificateStore.open({ sources: [acme.source] });
      const { server, port, over } = await serving(line, { tls, ...store.current }, session =>
        session.writeLine('hello'),
      );
      authority.ports.tls = port;
      store.on('changed', () => server.replaceTls(store.current));
      expect(await visit(port)).to.include({ subject: 'Sallyport waits for ACME' });
      acme.start({ servers: [server] });
      await once(acme, 'issued');
      expect(await store.check()).to.equal(true);
      expect(await visit(port)).to.include({ subject: NAME });
      expect((await over(2))[1]?.error?.code).to.equal('ERR_HANDSHAKE_CHALLENGE');
      const late = await visit(port, { ALPNProtocols: ['acme-tls/1'], servername: NAME });
      expect(late.subject).to.equal(NAME);
    });
  }

  it('does not ask again for what it has, and asks at two thirds of its lifetime', async () => {
    let now = Date.now();
    const clock = () => now;
    const folder = await folderWith();
    const http = await answering();
    const first = await opened({ folder, clock });
    first.start({ http });
    await once(first, 'issued');
    first.stop();
    now += 55 * DAY;
    const idle = await opened({ folder, clock });
    idle.start({ http });
    now += 5 * DAY;
    const due = await opened({ folder, clock });
    due.start({ http });
    await once(due, 'issued');
    expect(authority.orders).to.have.length(2);
    expect(await readFile(join(folder, 'account.key'), 'utf8')).to.contain('PRIVATE KEY');
  });

  it('asks again for a name that is new, and keeps the old certificate until then', async () => {
    const folder = await folderWith();
    const http = await answering();
    const first = await opened({ folder });
    first.start({ http });
    await once(first, 'issued');
    const file = join(first.source.directory, `${NAME}.pem`);
    const before = await readFile(file, 'utf8');
    const more = await opened({ folder, names: [[NAME, 'new.example.org']] });
    expect(await readFile(file, 'utf8')).to.equal(before);
    more.start({ http });
    await once(more, 'issued');
    expect(authority.orders[1]).to.deep.equal([NAME, 'new.example.org']);
  });

  it('outlives an authority that fails, keeps what it has, and tries again', async () => {
    const folder = await folderWith();
    const acme = await opened({ folder });
    const file = join(acme.source.directory, `${NAME}.pem`);
    const before = await readFile(file, 'utf8');
    authority.failing = 503;
    const errors: SallyportError[] = [];
    acme.on('failed', error => errors.push(error));
    acme.start({ http: await answering() });
    for (let failure = 0; failure < 2; failure += 1) await once(acme, 'failed');
    expect(await readFile(file, 'utf8')).to.equal(before);
    expect(errors.map(({ code }) => code)).to.deep.equal(['ERR_ACME', 'ERR_ACME']);
    authority.failing = undefined;
    await once(acme, 'issued');
    expect(await readFile(file, 'utf8')).to.not.equal(before);
  });

  it('outlives one that is not to be reached, and one that does not see the answer', async () => {
    const http = await answering();
    const nowhere = await opened({ authority: 'http://127.0.0.1:1/' });
    nowhere.start({ http });
    const [unreachable] = await once(nowhere, 'failed');
    expect(unreachable).to.have.property('code', 'ERR_ACME');
    nowhere.stop();
    authority.ports.http = 1;
    const unseen = await opened();
    unseen.start({ http });
    expect((await once(unseen, 'failed'))[0]).to.have.property('code', 'ERR_ACME');
    unseen.stop();
    const unanswered = await opened();
    unanswered.start({});
    expect((await once(unanswered, 'failed'))[0]).to.have.property('code', 'ERR_ACME');
  });

  const senseless: [string, Partial<AcmeOptions>, RegExp][] = [
    ['without agreeing to the terms', { termsAgreed: false }, /terms of service must be agreed to$/],
    ['without names', { names: [] }, /names must not be empty$/],
    ['with an empty list of names', { names: [[]] }, /names must not be empty$/],
    ['with a wildcard', { names: [['*.example.org']] }, /"\*\.example\.org" is no host name/],
    ['with a path', { names: [['../example.org']] }, /is no host name/],
    ['with an authority that is no URL', { authority: 'letsencrypt' }, /authority must be an https URL$/],
  ];
  for (const [what, options, message] of senseless) {
    it(`does not begin ${what}`, async () => {
      const error = await opened(options).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'ERR_OPTION');
      expect(String(error)).to.match(message);
    });
  }

  it('does not begin with a folder that is none', async () => {
    const folder = join(await folderWith({ file: '' }), 'file');
    expect(await opened({ folder }).catch(error => error)).to.have.property('code', 'ERR_CERTIFICATE');
  });

  it('makes its files anew where they were damaged', async () => {
    const folder = await folderWith({ 'account.key': 'damaged' });
    const acme = await opened({ folder });
    await writeFile(join(acme.source.directory, `${NAME}.pem`), 'damaged');
    const again = await opened({ folder });
    again.start({ http: await answering() });
    await once(again, 'issued');
    expect(await readFile(join(folder, 'account.key'), 'utf8')).to.contain('PRIVATE KEY');
  });

  it('answers what it was asked over HTTP, and nothing else', async () => {
    const http = await answering();
    http.set('token', 'proof');
    const at = (path: string, init?: RequestInit) =>
      fetch(`http://127.0.0.1:${authority.ports.http}${path}`, init);
    expect(await (await at('/.well-known/acme-challenge/token')).text()).to.equal('proof');
    for (const path of [
      '/',
      '/token',
      '/.well-known/acme-challenge/',
      '/.well-known/acme-challenge/__proto__',
    ]) {
      expect((await at(path)).status, path).to.equal(404);
    }
    expect((await at('/.well-known/acme-challenge/token', { method: 'POST' })).status).to.equal(404);
    const taken = new ChallengeListener().listen({ port: authority.ports.http ?? 0 });
    expect(await taken.catch(error => error)).to.have.property('code', 'ERR_LISTEN');
  });
});
