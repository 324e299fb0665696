import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { ProxyOptions } from '../../src/proxy.ts';
import { testCertificates } from '../support/certificates.ts';
import { document } from '../support/document.ts';
import type { Identity } from './servers/identity.ts';
import { POSTGRES_LOGIN, type Postgres, socketOf, startPostgres } from './servers/postgres.ts';
import { runClient } from './support/client-process.ts';
import { type Front, useFronts } from './support/fronts.ts';
import { describeClient } from './support/needed-client.ts';
import { cancel, connect, psql, startPsql } from './support/postgres-clients.ts';
import { probed } from './support/probed.ts';

const IS_INSTALLED = ['sh', '-c', 'which psql && ls /usr/lib/postgresql/*/bin/initdb'];

/** The commands that it shows. */
const guide = document('docs/guide/proxy-postgres.md')
  .blocks.filter(({ language }) => language === 'sh')
  .map(({ text }) => text.trim());

const ROWS = 100_000;
const UNBOUND = { PGCHANNELBINDING: 'disable' };
const SLEEP = 'SELECT pg_sleep(50)';
/** Of this connection, as PostgreSQL sees it. */
const SHOW_TLS = 'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
const SHOW_CLIENT =
  'SELECT client_addr, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE pid = pg_backend_pid()';

describeClient(
  'backend PostgreSQL',
  () => {
    describe('without TLS, behind a proxy', testBehindProxy);
    describe('with TLS', testWithTls);
  },
  IS_INSTALLED,
);

function testBehindProxy(): void {
  const fronts = useFronts();
  let postgres: Postgres;
  before('PostgreSQL starts', async () => {
    postgres = await startPostgres({ tls: false });
  });
  after('PostgreSQL stops', () => postgres?.stop());
  const front = (tls: 'required' | 'optional') => fronts.proxy('postgres', postgres.ports.postgres, { tls });

  for (const tls of ['required', 'optional'] as const) {
    it(`lets psql copy ${ROWS} rows in and out, with TLS ${tls}`, async () => {
      await copyWithPsql(await front(tls), postgres);
    });

    it(`answers pg, with TLS ${tls}`, async () => {
      await askWithPg(await front(tls));
    });
  }

  it('answers pg that begins with TLS, as clients may since PostgreSQL 17', async () => {
    await askWithPg(await front('required'), { sslnegotiation: 'direct' });
  });

  it('refuses a wrong password in its own words', async () => {
    const { stderr, transcript } = await psql(await front('required'), ['SELECT 1'], { PGPASSWORD: 'wrong' });
    expect(stderr, transcript).to.match(/FATAL: {2}password authentication failed for user "tester"$/m);
  });

  it('ends a query at Ctrl-C in psql, where TLS is optional', async () => {
    const optional = await front('optional');
    const client = startPsql(optional, [SLEEP]);
    await untilAsleep(optional);
    client.signal('SIGINT');
    const { stderr, transcript } = await client.hangUp();
    expect(stderr, transcript).to.match(/^ERROR: {2}canceling statement due to user request$/m);
  });

  it('ends a query at a CancelRequest under TLS, where TLS is required', async () => {
    const required = await front('required');
    const client = await connect(required);
    const failure = client.query(SLEEP).catch((error: unknown) => error);
    await untilAsleep(required);
    await cancel(required, client);
    expect(await failure).to.include({ code: '57014' });
    await client.end();
  });

  it('is reached as the guide shows', async () => {
    const { port, path } = { port: postgres.ports.postgres, path: socketOf(postgres) };
    const start = guide.filter(text => /--to (127\.0\.0\.1:5432|unix:)/.test(text));
    expect(start.length).to.equal(3);
    for (const text of start) {
      const front = await fronts.shown(text, {
        '127.0.0.1:5432': `127.0.0.1:${port}`,
        'unix:/run/postgresql/.s.PGSQL.5432': `unix:${path}`,
      });
      await loginAsShown(front);
    }
  });

  it('sees the proxy alone, and no TLS', async () => {
    const { stdout, transcript } = await psql(await front('required'), [SHOW_CLIENT]);
    expect(stdout, transcript).to.match(/^ 127\.0\.0\.1 +\| f$/m);
  });

  it('cannot bind a login to the channel', async () => {
    const { stderr } = await psql(await front('required'), [SHOW_CLIENT], { PGCHANNELBINDING: 'require' });
    expect(stderr).to.match(/channel binding is required, but server did not offer/);
  });

  it('is told by the proxy to be gone when it is', async () => {
    const required = await front('required');
    await postgres.stop();
    const { stderr, status, transcript } = await psql(required, ['SELECT 1']);
    expect(stderr, transcript).to.match(/failed: FATAL: {2}Upstream cannot be reached$/m);
    expect(status, transcript).to.equal(2);
    expect(await connect(required).catch((error: unknown) => error)).to.include({ code: '57P03' });
  });
}

function testWithTls(): void {
  const fronts = useFronts();
  let postgres: Postgres;
  let identity: Identity;
  before('PostgreSQL starts', async () => {
    postgres = await startPostgres({ tls: true });
    identity = identityOf(postgres);
  });
  after('PostgreSQL stops', () => postgres?.stop());
  const upgraded = ({ ca }: { readonly ca: string }, options: Partial<ProxyOptions> = {}) =>
    fronts.proxy('postgres', postgres.ports.postgres, { toTls: { mode: 'upgrade', ca }, ...options });

  it('has the findings that the guide says', async () => {
    const { checks, message } = await probed('postgres', postgres.ports.postgres, identity.ca);
    expect(checks, message).to.deep.equal(['alpn-ignored']);
  });

  it('has one more where TLS is not asked of hosts', async () => {
    await writeFile(postgres.path('data/pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
    await psql(await upgraded(identity), ['SELECT pg_reload_conf()'], UNBOUND);
    await postgres.logged(/reloading configuration files/);
    const only = { only: ['login-accepted', 'alpn-ignored'] } as const;
    const { checks, message } = await probed('postgres', postgres.ports.postgres, identity.ca, only);
    expect(checks, message).to.deep.equal(['login-accepted', 'alpn-ignored']);
  });

  it('is reached through a proxy under TLS on both legs, with its certificate verified', async () => {
    const front = await upgraded(identity);
    const { stdout, transcript } = await psql(front, [SHOW_TLS], UNBOUND);
    expect(stdout, transcript).to.match(/^ t +\| TLSv1\.3$/m);
    await askWithPg(front);
  });

  it('is reached as the guide shows', async () => {
    const [text = ''] = guide.filter(text => text.includes('--to-tls'));
    const front = await fronts.shown(text, {
      'db.example.org:5432': `localhost:${postgres.ports.postgres}`,
      'ca.pem': identity.caFile,
    });
    await loginAsShown(front, UNBOUND);
  });

  it('notices by channel binding that the TLS of a login does not end at it', async () => {
    const { stderr, transcript } = await psql(await upgraded(identity), [SHOW_TLS]);
    expect(stderr, transcript).to.match(/FATAL: {2}SCRAM channel binding check failed$/m);
  });

  it('takes a login with channel binding where the proxy has the same certificate', async () => {
    const front = await upgraded(identity, { certificate: identity });
    const own = { ...front, caFile: identity.caFile };
    const { stdout, transcript } = await psql(own, [SHOW_TLS], { PGCHANNELBINDING: 'require' });
    expect(stdout, transcript).to.match(/^ t +\| TLSv1\.3$/m);
  });

  it('is not reached by a proxy that does not trust its authority', async () => {
    const { authority } = await testCertificates();
    const { stderr, transcript } = await psql(await upgraded({ ca: authority.cert }), [SHOW_TLS]);
    expect(stderr, transcript).to.match(/FATAL: {2}Upstream cannot be reached$/m);
  });
}

function identityOf({ identity }: Postgres): Identity {
  if (identity === undefined) throw new Error('a server without TLS');
  return identity;
}

async function copyWithPsql(front: Front, postgres: Postgres): Promise<void> {
  const there = postgres.path('there.txt');
  const back = postgres.path('back.txt');
  await writeFile(there, Array.from({ length: ROWS }, (_, n) => `${n}\t${'row '.repeat(n % 9)}\n`).join(''));
  const { stdout, status, transcript } = await psql(front, [
    '\\conninfo',
    'DROP TABLE IF EXISTS copied',
    'CREATE TABLE copied (n int, line text)',
    `\\copy copied FROM '${there}'`,
    `\\copy (SELECT * FROM copied ORDER BY n) TO '${back}'`,
  ]);
  expect(stdout, transcript).to.match(/^SSL connection \(protocol: TLSv1\.3/m);
  expect(stdout, transcript).to.match(/^COPY 100000\nCOPY 100000$/m);
  expect(status, transcript).to.equal(0);
  expect(await digest(back)).to.equal(await digest(there));
}

/** The command line of psql in the guide, with the names and the place that are here. */
async function loginAsShown(
  { port, caFile }: Front,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { user, password, database } = POSTGRES_LOGIN;
  const [command = ''] = guide.filter(text => text.startsWith('psql '));
  const placed = command
    .replace('port=25432 user=alice dbname=books', `port=${port} user=${user} dbname=${database}`)
    .replace(/sslrootcert=[^"]+/, `sslrootcert=${caFile}`);
  const options = { input: '\\conninfo\n', env: { PGPASSWORD: password, ...env } };
  const { stdout, transcript } = await runClient('sh', ['-c', `exec ${placed}`], options);
  expect(stdout, transcript).to.match(
    /^SSL connection \(protocol: TLSv1\.3, cipher: TLS_AES_256_GCM_SHA384, /m,
  );
}

async function digest(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function askWithPg(front: Front, options: { readonly sslnegotiation?: 'direct' } = {}): Promise<void> {
  const client = await connect(front, options);
  const bytes = Buffer.alloc(300_000, 'bytes \0\xff', 'latin1');
  const { rows } = await client.query('SELECT $1::bytea AS bytes, $2::int + 1 AS next', [bytes, 41]);
  expect(rows[0].next).to.equal(42);
  expect(bytes.equals(rows[0].bytes)).to.equal(true);
  const failure = await client.query('SELECT nothing').catch((error: unknown) => error);
  expect(failure).to.include({ code: '42703' });
  expect((await client.query('SELECT 1 AS one')).rows).to.deep.equal([{ one: 1 }]);
  await client.end();
}

/** Waits until the one query that sleeps has begun to. */
async function untilAsleep(front: Front): Promise<void> {
  const watch = await connect(front);
  for (;;) {
    const { rows } = await watch.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    if (rows.length > 0) break;
    await sleep(50);
  }
  await watch.end();
}
