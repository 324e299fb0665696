import { expect } from 'chai';
import { imap } from '../../protocol/imap.ts';
import { line } from '../../protocol/line.ts';
import { postgres } from '../../protocol/postgres.ts';
import { smtp } from '../../protocol/smtp.ts';
import { Figures } from '../../src/admin/figures.ts';
import { exposition } from '../../src/admin/merge.ts';
import { SallyportError } from '../../src/errors.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { testCertificates } from '../support/certificates.ts';
import { type Family, readExposition, sumOf } from '../support/exposition.ts';
import { plainMail, plainUpstream, proxying, stopUpstreams } from '../support/proxying.ts';
import { type Serving, serving, stopServing } from '../support/serving.ts';
import { greeted, underTls } from '../support/speak.ts';
import type { WireClient } from '../support/wire-client.ts';

describe('src/admin/figures', () => {
  const started: Figures[] = [];

  afterEach(async () => {
    for (const figures of started.splice(0)) figures.stop();
    stopUpstreams();
    await stopServing();
  });

  /** Figures of servers, by the name of each. */
  function watching(servers: Readonly<Record<string, Serving>>): Figures {
    const figures = new Figures();
    started.push(figures);
    for (const [name, { server }] of Object.entries(servers)) figures.watch(name, server);
    return figures;
  }

  it('counts how far connections of several protocols come, for each listener alone', async () => {
    const [mail, base] = [await serving(smtp), await serving(postgres)];
    const figures = watching({ 'smtp:25': mail, 'postgres:5432': base });
    await leave((await underTls(await mail.connect(), smtp)).say('QUIT\r\n'));
    await leave((await greeted(await mail.connect(), smtp)).say('QUIT\r\n'));
    await leave((await greeted(await mail.connect(), smtp)).say('EHLO a\r\nSTARTTLS\r\nNOOP\r\n'));
    (await underTls(await base.connect(), postgres)).destroy();
    await Promise.all([mail.over(3), base.over(1)]);
    const families = await read(figures);
    expect(funnel(families, 'smtp:25')).to.deep.equal([3, 3, 1, 1, 1, 0]);
    expect(funnel(families, 'postgres:5432').slice(0, 4)).to.deep.equal([1, 1, 1, 1]);
    const refused = {
      listener: 'smtp:25',
      code: 'ERR_PLAINTEXT_AFTER_UPGRADE',
      blame: 'peer',
      reached: 'greeted',
    };
    expect(sumOf(families, 'sallyport_failures_total', refused)).to.equal(1);
    expect(sumOf(families, 'sallyport_failures_total', { listener: 'smtp:25' })).to.equal(1);
    expect(sumOf(families, 'sallyport_plaintext_dropped_bytes_total', { listener: 'smtp:25' })).to.equal(6);
  });

  it('counts what handshakes negotiated, how long they took, and which were resumed', async () => {
    const mail = await serving(smtp);
    const figures = watching({ mail });
    const first = await underTls(await mail.connect(), smtp, { maxVersion: 'TLSv1.2' });
    const session = (first.socket as import('node:tls').TLSSocket).getSession(); // under TLS
    await leave(first.say('QUIT\r\n'));
    if (session === undefined) throw new Error('no session');
    await leave(
      (await underTls(await mail.connect(), smtp, { session, maxVersion: 'TLSv1.2' })).say('QUIT\r\n'),
    );
    await leave((await underTls(await mail.connect(), smtp)).say('QUIT\r\n'));
    await mail.over(3);
    const families = await read(figures);
    const handshakes = (labels: Record<string, string>) =>
      sumOf(families, 'sallyport_handshakes_total', labels);
    expect(handshakes({ version: 'TLSv1.2' })).to.equal(2);
    expect(handshakes({ version: 'TLSv1.3', resumed: 'no' })).to.equal(1);
    expect(handshakes({ version: 'TLSv1.2', resumed: 'yes' })).to.equal(1);
    for (const name of ['sallyport_handshake_duration_seconds', 'sallyport_dialogue_duration_seconds']) {
      const samples = families.get(name)?.samples ?? [];
      const [count, sum] = ['_count', '_sum'].map(
        part => samples.find(each => each.name === name + part)?.value,
      );
      expect(count, name).to.equal(3);
      expect(sum, name).to.be.within(0.0001, 60);
    }
  });

  it('counts sessions that are handed over, in plaintext apart, and shows what is open', async () => {
    const sessions: (() => void)[] = [];
    const own = await serving(line, { tls: 'optional' }, () => new Promise<void>(end => sessions.push(end)));
    const figures = watching({ own });
    await underTls(await own.connect(), line);
    (await greeted(await own.connect(), line)).say('hello\r\n');
    await greeted(await own.connect(), line);
    while (sessions.length < 2) await new Promise(setImmediate);
    const families = await read(figures);
    expect(sumOf(families, 'sallyport_hand_overs_total', { tls: 'yes' })).to.equal(1);
    expect(sumOf(families, 'sallyport_hand_overs_total', { tls: 'no' })).to.equal(1);
    const open = ['dialogue', 'handshake', 'session', 'closing'].map(phase =>
      sumOf(families, 'sallyport_open_connections', { phase }),
    );
    expect(open).to.deep.equal([1, 0, 2, 0]);
    for (const end of sessions) end();
  });

  it('counts the bytes both ways of a relay while it goes on, and no byte twice', async () => {
    const upstream = await plainUpstream(plainMail);
    const proxy = await proxying(smtp, upstream.port);
    const figures = watching({ proxy });
    const client = await underTls(await proxy.connect(), smtp);
    client.say('EHLO a\r\nRSET\r\nMAIL FROM:<>\r\n');
    await client.until('heard MAIL FROM:<>\r\n');
    const bytes = async () => {
      const families = await read(figures);
      return ['in', 'out'].map(direction => sumOf(families, 'sallyport_upstream_bytes_total', { direction }));
    };
    const [before, again] = [await bytes(), await bytes()];
    expect(before[1]).to.be.greaterThan('MAIL FROM:<>\r\n'.length);
    expect(again).to.deep.equal(before);
    client.say('QUIT\r\n');
    await client.until('221 upstream bye\r\n');
    client.destroy();
    await proxy.over(1);
    const [received = 0, sent] = await bytes();
    expect(sent).to.equal((before[1] ?? 0) + 'QUIT\r\n'.length);
    expect(received).to.equal((before[0] ?? 0) + '221 upstream bye\r\n'.length);
    expect((await read(figures)).get('sallyport_listener_info')?.samples[0]?.labels['role']).to.equal(
      'proxy',
    );
  });

  it('shows each certificate that is served, once', async () => {
    const { server: certificate } = await testCertificates();
    const other = await issueCertificate({ commonName: 'b.example.org', days: 40, names: ['b.example.org'] });
    const figures = watching({
      mail: await serving(smtp, { certificate, certificates: [other] }),
      box: await serving(imap, { certificate }),
    });
    const days = (await read(figures)).get('sallyport_certificate_days_left')?.samples ?? [];
    expect(days.map(({ labels }) => labels['subject'])).to.deep.equal(['CN=localhost', 'CN=b.example.org']);
    expect(days.map(({ value }) => Math.round(value))).to.deep.equal([2, 40]);
    for (const { labels } of days) expect(labels['serial']).to.match(/^[0-9A-F]+$/);
  });

  it('has a series for what has not happened, so that the first time is seen', async () => {
    const families = await read(watching({ mail: await serving(smtp) }));
    for (const [name, { samples }] of families) {
      const mayBeEmpty = ['sallyport_failures_total', 'sallyport_handshakes_total'].includes(name);
      if (name.startsWith('sallyport_') && !mayBeEmpty) expect(samples.length, name).to.be.greaterThan(0);
    }
  });

  it('has no label that a peer chooses, and no more series for more peers', async () => {
    const mail = await serving(smtp);
    const figures = watching({ mail });
    const series = async (servername: string) => {
      const client = await greeted(await mail.connect(), smtp);
      client.say(`EHLO ${servername}\r\nSTARTTLS\r\n`);
      await client.until('220 2.0.0 Ready to start TLS\r\n');
      await client.startTls({ servername });
      await leave(client.say('QUIT\r\n'));
      const families = [...(await read(figures)).values()];
      return families
        .flatMap(({ samples }) => samples)
        .map(({ name, labels }) => JSON.stringify([name, labels]))
        .filter(each => !each.startsWith('["nodejs_gc_')); // one more at the first collection of each kind
    };
    const first = await series('a.example.org');
    await mail.over(1);
    expect(await series('b.example.org')).to.have.members(first);
    expect(JSON.stringify(first)).to.not.contain('example.org');
  });

  it('forgets a listener, and nothing of another', async () => {
    const [one, two] = [await serving(smtp), await serving(smtp)];
    const figures = watching({ one, two });
    await leave((await underTls(await one.connect(), smtp)).say('QUIT\r\n'));
    await one.over(1);
    await figures.unwatch('one');
    await leave((await underTls(await one.connect(), smtp)).say('QUIT\r\n'));
    await one.over(2);
    const labels = [...(await read(figures)).values()].flatMap(({ samples }) =>
      samples.map(each => each.labels),
    );
    expect(new Set(labels.map(({ listener }) => listener))).to.deep.equal(new Set(['two', undefined]));
    expect(figures.watches('one')).to.equal(false);
    await figures.unwatch('one');
    figures.watch('one', one.server);
    expect(funnel(await read(figures), 'one')).to.deep.equal([0, 0, 0, 0, 0, 0]);
  });

  it('refuses a name that is taken', async () => {
    const mail = await serving(smtp);
    const figures = watching({ mail });
    expect(() => figures.watch('mail', mail.server)).to.throw(SallyportError, 'two listeners "mail"');
  });

  it('makes one of the figures of several processes', async () => {
    const [here, there] = [await serving(smtp), await serving(smtp)];
    const [one, other] = [watching({ mail: here }), watching({ mail: there })];
    for (const { connect, over } of [here, there, there]) {
      const client = await greeted(await connect(), smtp);
      await leave(client.say('QUIT\r\n'));
      await over(1);
    }
    await there.over(2);
    const snapshots = await Promise.all([one, other].map(each => each.snapshot({ process: true })));
    const families = readExposition(await exposition(snapshots));
    expect(funnel(families, 'mail')).to.deep.equal([3, 3, 0, 0, 0, 0]);
    expect(sumOf(families, 'sallyport_listener_info')).to.equal(1);
    expect(sumOf(families, 'sallyport_certificate_days_left')).to.be.within(1, 2);
    expect(sumOf(families, 'process_start_time_seconds')).to.be.within(
      Date.now() / 1e3 - 9999,
      Date.now() / 1e3,
    );
  });
});

async function read(figures: Figures): Promise<ReadonlyMap<string, Family>> {
  return readExposition(await exposition([await figures.snapshot({ process: true })]));
}

function funnel(families: ReadonlyMap<string, Family>, listener: string): readonly number[] {
  return [
    sumOf(families, 'sallyport_connections_total', { listener }),
    sumOf(families, 'sallyport_greetings_total', { listener }),
    sumOf(families, 'sallyport_upgrades_asked_total', { listener }),
    sumOf(families, 'sallyport_client_hellos_total', { listener }),
    sumOf(families, 'sallyport_handshakes_total', { listener }),
    sumOf(families, 'sallyport_hand_overs_total', { listener, tls: 'yes' }),
  ];
}

/** Waits until the server has said its last, and closes as well. */
async function leave(client: WireClient): Promise<void> {
  await client.end();
  client.destroy();
}
