import { expect } from 'chai';
import mysql2 from 'mysql2/promise';
import type { Identity } from './servers/identity.ts';
import {
  MARIADB_DATABASE,
  MARIADB_PASSWORD,
  MARIADB_USERS,
  type Mariadb,
  startMariadb,
} from './servers/mariadb.ts';
import { type ClientResult, runClient } from './support/client-process.ts';
import { type Front, useFronts } from './support/fronts.ts';
import { describeClient } from './support/needed-client.ts';
import { probed } from './support/probed.ts';

/** The plugin comes with the package of the whole server. */
const IS_INSTALLED = ['sh', '-c', 'which mariadb mariadbd && ls /usr/lib/mysql/plugin/auth_ed25519.so'];

describeClient(
  'backend MariaDB',
  () => {
    describe('without TLS, behind a proxy', testBehindProxy);
    describe('with TLS', testWithTls);
  },
  IS_INSTALLED,
);

/** More than one packet holds, which is 16 MiB less a byte. */
const BIG = 20_000_000;

function testBehindProxy(): void {
  const fronts = useFronts();
  let server: Mariadb;
  before('MariaDB starts', async () => {
    server = await startMariadb({ tls: false });
  });
  after('MariaDB stops', () => server?.stop());
  const front = (tls: 'required' | 'optional') => fronts.proxy('mysql', server.ports.mysql, { tls });

  for (const tls of ['required', 'optional'] as const) {
    for (const user of MARIADB_USERS) {
      it(`lets mariadb log in by ${user}, with TLS ${tls}`, async () => {
        const { stdout, status, transcript } = await mariadb(await front(tls), user, 'SELECT CURRENT_USER()');
        expect(stdout, transcript).to.equal(`${user}@127.0.0.1\n`);
        expect(status, transcript).to.equal(0);
      });
    }

    it(`answers mysql2, with TLS ${tls}`, async () => {
      await askWithMysql2(await front(tls));
    });
  }

  it('gives mariadb a row of several packets, and takes several statements', async () => {
    const statements = `CREATE TABLE big (text LONGTEXT); INSERT INTO big VALUES (REPEAT('row ', ${BIG / 4}));`;
    const required = await front('required');
    const { stdout, transcript } = await mariadb(
      required,
      'ed25519',
      `${statements} SELECT MD5(text) FROM big`,
    );
    const [user] = MARIADB_USERS;
    const connection = await connect(required, user);
    const [rows] = await connection.query('SELECT text, MD5(text) AS digest FROM big');
    await connection.end();
    const [{ text, digest }] = rows as [{ text: string; digest: string }]; // of the one row
    expect(text.length).to.equal(BIG);
    expect(stdout, transcript).to.equal(`${digest}\n`);
  });

  it('refuses a wrong password in its own words', async () => {
    for (const user of MARIADB_USERS) {
      const { stderr, transcript } = await mariadb(await front('required'), user, 'SELECT 1', 'wrong');
      expect(stderr, transcript).to.contain(`ERROR 1045 (28000): Access denied for user '${user}'@`);
    }
  });

  it('is told by the proxy to be gone when it is', async () => {
    const required = await front('required');
    await server.stop();
    const { stderr, status, transcript } = await mariadb(required, 'ed25519', 'SELECT 1');
    expect(stderr, transcript).to.equal('ERROR 1040 (08004): Upstream cannot be reached\n');
    expect(status, transcript).to.equal(1);
    const [user] = MARIADB_USERS;
    expect(await connect(required, user).catch((error: unknown) => error)).to.include({ errno: 1040 });
  });
}

function testWithTls(): void {
  const fronts = useFronts();
  let server: Mariadb;
  let identity: Identity;
  before('MariaDB starts', async () => {
    server = await startMariadb({ tls: true });
    if (server.identity === undefined) throw new Error('a server without TLS');
    identity = server.identity;
  });
  after('MariaDB stops', () => server?.stop());

  it('has the findings that the guide says', async () => {
    const { checks, message } = await probed('mysql', server.ports.mysql, identity.ca);
    expect(checks, message).to.deep.equal(['login-accepted']);
  });

  it('refuses a login in plaintext only when it has seen it', async () => {
    const [user] = MARIADB_USERS;
    const plain = (password: string) =>
      mysql2.createConnection({ host: '127.0.0.1', port: server.ports.mysql, user, password });
    const [right, wrong] = await Promise.all(
      [MARIADB_PASSWORD, 'wrong'].map(password => plain(password).catch((error: unknown) => error)),
    );
    expect(right).to.include({ errno: 1045 });
    expect(wrong).to.include({ errno: 1045 });
  });

  it('is reached through a proxy under TLS on both legs, with its certificate verified', async () => {
    const toTls = { mode: 'upgrade', ca: identity.ca } as const;
    const front = await fronts.proxy('mysql', server.ports.mysql, { toTls });
    for (const user of MARIADB_USERS) {
      const { stdout, transcript } = await mariadb(front, user, "SHOW STATUS LIKE 'Ssl_version'");
      expect(stdout, transcript).to.equal('Ssl_version\tTLSv1.3\n');
    }
    await askWithMysql2(front);
  });
}

/** It verifies the certificate and its name. */
function mariadb(
  { port, caFile }: Front,
  user: string,
  statements: string,
  password = MARIADB_PASSWORD,
): Promise<ClientResult> {
  const place = ['--protocol=tcp', '--host=localhost', `--port=${port}`, `--user=${user}`];
  const tls = ['--ssl', `--ssl-ca=${caFile}`, '--ssl-verify-server-cert'];
  const output = ['--batch', '--skip-column-names', `--execute=${statements}`, MARIADB_DATABASE];
  const env = { MYSQL_PWD: password };
  return runClient('mariadb', ['--no-defaults', ...place, ...tls, ...output], { env });
}

function connect({ port, ca }: Front, user: string): Promise<mysql2.Connection> {
  const account = { user, password: MARIADB_PASSWORD, database: MARIADB_DATABASE };
  const ssl = { ca, verifyIdentity: true };
  return mysql2.createConnection({ host: 'localhost', port, ...account, ssl, multipleStatements: true });
}

/** It does not know ed25519. */
async function askWithMysql2(front: Front): Promise<void> {
  const connection = await connect(front, 'mysql_native_password');
  const [sets] = await connection.query('SELECT 1 AS one; SELECT seq FROM seq_1_to_50000; SELECT 3 AS three');
  const [one, many, three] = sets as unknown as [unknown, unknown[], unknown]; // one for each statement
  expect(one).to.deep.equal([{ one: 1 }]);
  expect(many.length).to.equal(50_000);
  expect(three).to.deep.equal([{ three: 3 }]);
  const [rows] = await connection.execute('SELECT ? + 1 AS next, ? AS text', [41, 'ä\0']);
  expect(rows).to.deep.equal([{ next: 42, text: 'ä\0' }]);
  const failure = await connection.query('SELECT nothing').catch((error: unknown) => error);
  expect(failure).to.include({ errno: 1054 });
  await connection.end();
}
