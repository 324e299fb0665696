import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Service } from '../../src/run/service.ts';
import { testCertificates } from '../support/certificates.ts';
import { configurationFolder } from '../support/configuration-files.ts';
import { removeFolders } from '../support/folder.ts';
import { visit } from '../support/returning-client.ts';
import { configurationOf, KeptLog, newService, portOf, stopServices } from '../support/services.ts';

describe('src/run/service-certificates', () => {
  let folder: string;

  before(async () => {
    folder = await configurationFolder();
  });
  afterEach(stopServices);
  after(removeFolders);

  /** The files of a pair, in the folder of the configuration. */
  async function writePair(name: string, commonName: string, names = ['localhost']): Promise<void> {
    const { cert, key } = await issueCertificate({ commonName, days: 2, names });
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, `${name}.pem`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }

  const pair = (name: string) => `{ cert: ${name}.pem, key: ${name}.key }`;
  const listener = (more = '') => `  - { protocol: line, address: '127.0.0.1:0', tls: implicit ${more} }\n`;
  const read = (certificates: string, listeners = listener(), more = '') =>
    configurationOf(folder, `certificates: ${certificates}\n${more}listeners:\n${listeners}`);

  async function started(configuration: ReturnType<typeof read>, log = new KeptLog()): Promise<Service> {
    const service = newService(log);
    await service.start(await configuration);
    return service;
  }

  it('watches the files of all listeners that have the same, once, and takes the tickets of before', async () => {
    await writePair('watched', 'first');
    await writePair('other', 'other');
    const log = new KeptLog();
    const three = `${listener()}${listener()}${listener(`, certificates: [${pair('other')}]`)}`;
    const service = await started(read(`[${pair('watched')}]`, three), log);
    const [one, two, other] = [0, 1, 2].map(index => portOf(service, index));
    const before = await visit(one ?? 0);
    expect(before.subject).to.equal('first');
    const changed = once(service.certificates, 'changed');
    await writePair('watched', 'second');
    await changed;
    expect((await visit(one ?? 0)).subject).to.equal('second');
    expect((await visit(two ?? 0)).subject).to.equal('second');
    expect((await visit(other ?? 0)).subject).to.equal('other');
    expect((await visit(one ?? 0, before.session && { session: before.session })).resumed).to.equal(true);
    expect(log.with('certificate renewed')).to.have.length(1);
    const { list } = service.certificates;
    expect(list.map(({ renewals }) => renewals)).to.deep.equal([1, 0]);
  });

  it('keeps the last good one where a renewal cannot serve, and says so', async () => {
    await writePair('bad', 'good');
    const log = new KeptLog();
    const service = await started(read(`[${pair('bad')}]`), log);
    const same = await read(`[${pair('bad')}]`);
    await writeFile(join(folder, 'bad.key'), 'damaged');
    await service.reload(same);
    expect((await visit(portOf(service))).subject).to.equal('good');
    expect(log.with('certificate refused')).to.have.length(1);
    expect(service.certificates.list).to.have.nested.property('[0].refusals', 1);
  });

  it('takes up what is new in a directory, and each name gets its own', async () => {
    await writePair('many/a', 'a', ['a.example.org']);
    const configuration = await read('[{ directory: many }]');
    const service = await started(Promise.resolve(configuration));
    const at = (servername: string) => visit(portOf(service), { servername });
    expect((await at('b.example.org')).subject).to.equal('a');
    await writePair('many/b', 'b', ['b.example.org']);
    expect(await service.reload(configuration)).to.include({ kept: 1 });
    expect((await at('b.example.org')).subject).to.equal('b');
  });

  it('gives up what no listener needs any more, and what a refused reload has opened', async () => {
    await writePair('old', 'old');
    await writePair('new', 'new');
    const log = new KeptLog();
    const service = await started(read(`[${pair('old')}]`), log);
    const port = portOf(service);
    const taken = `  - { protocol: line, address: '127.0.0.1:${port}' }\n`;
    const refused = service.reload(await read(`[${pair('new')}]`, taken));
    expect(await refused.catch(error => error)).to.include({ code: 'ERR_LISTEN' });
    expect((await visit(port)).subject).to.equal('old');
    expect(await service.reload(await read(`[${pair('new')}]`))).to.include({ changed: 1, kept: 0 });
    expect((await visit(port)).subject).to.equal('new');
    const changed = once(service.certificates, 'changed');
    await writePair('old', 'older');
    await writePair('new', 'newer');
    await changed;
    expect(log.with('certificate renewed')).to.have.length(1);
    expect(service.certificates.list.map(({ file }) => file)).to.deep.equal([join(folder, 'new.pem')]);
  });

  it('rejects what has gone bad since it was read, and leaves nothing open', async () => {
    await writePair('late', 'late');
    const service = await started(read('development'));
    const late = await read(`[${pair('late')}]`);
    await writeFile(join(folder, 'late.pem'), '');
    expect(await service.reload(late).catch(error => error)).to.include({ code: 'ERR_CERTIFICATE' });
    expect((await visit(portOf(service))).subject).to.equal('localhost');
  });

  it('refuses names that no certificate has, and clients without a certificate that is asked for', async () => {
    const { client } = await testCertificates();
    const clients = `{ policy: require, ca: ca.pem, crl: ca.crl, subjects: [alice] }`;
    const two = `${listener(', strict-sni: true')}${listener(`, client-certificates: ${clients}`)}`;
    const service = await started(read(`[${pair('mail')}]`, two));
    const named = (servername: string) => visit(portOf(service), { servername });
    expect((await named('mail.example.org')).subject).to.equal('mail.example.org');
    expect(await named('www.example.org').catch(error => error)).to.be.an('error');
    const with_ = (options: object) => visit(portOf(service, 1), options);
    expect((await with_(client)).subject).to.equal('mail.example.org');
    expect(await with_({}).catch(error => error)).to.be.an('error');
  });

  it('makes the keys of tickets of the secret, so that another service takes them', async () => {
    const secret = 'ticket-secret: { file: ticket-secret }\n';
    const [one, two] = await Promise.all([
      started(read(`[${pair('mail')}]`, listener(), secret)),
      started(read(`[${pair('mail')}]`, listener(), secret)),
    ]);
    const { session } = await visit(portOf(one));
    if (session === undefined) throw new Error('no ticket');
    expect((await visit(portOf(two), { session })).resumed).to.equal(true);
    expect(await two.reload(await read(`[${pair('mail')}]`, listener(), secret))).to.include({ kept: 1 });
    await writeFile(join(folder, 'ticket-secret'), 'y'.repeat(48));
    expect(await two.reload(await read(`[${pair('mail')}]`, listener(), secret))).to.include({ changed: 1 });
    expect((await visit(portOf(two), { session })).resumed).to.equal(false);
  });
});
