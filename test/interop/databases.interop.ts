import { expect } from 'chai';
import mysql2 from 'mysql2/promise';
import pg from 'pg';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

describeClient('psql', () => testFor('postgres', testPsql));
describe('pg', () => testFor('postgres', testPg));
describeClient('mariadb', () => testFor('mysql', testMariadb));
describe('mysql2', () => testFor('mysql', testMysql2));

function testFor(protocol: string, test: (servers: Servers, name: string) => void): void {
  const servers = useServers();
  for (const { name } of protocolsNamed(protocol)) test(servers, name);
}

const REFUSAL = 'No database behind this server';

function testPsql(servers: Servers, name: string): void {
  const psql = (caFile: string): Promise<ClientResult> => {
    const place = `host=localhost port=${servers.port(name)} user=tester dbname=interop connect_timeout=10`;
    const tls = `sslmode=verify-full sslrootcert=${caFile}`;
    return runClient('psql', ['--no-psqlrc', '--no-password', `${place} ${tls}`]);
  };

  it('upgrades, verifies the certificate and its name, and prints the refusal over TLS', async () => {
    const { stderr, status, transcript } = await psql(servers.caFile);
    expect(stderr, transcript).to.match(new RegExp(`failed: FATAL: {2}${REFUSAL}$`, 'm'));
    expect(status, transcript).to.equal(2);
    await expectLastOverTls(servers, name);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await psql(servers.strangerFile);
    expect(stderr, transcript).to.match(/SSL error: certificate verify failed/);
    expect(status, transcript).to.equal(2);
    await expectLastRefused(servers, name);
  });
}

function testPg(servers: Servers, name: string): void {
  const connect = async (ca: string | undefined): Promise<unknown> => {
    const place = { host: 'localhost', port: servers.port(name) };
    const ssl = ca === undefined ? true : { ca }; // Node verifies the name too
    const client = new pg.Client({ ...place, user: 'tester', database: 'interop', ssl });
    return client.connect().catch((reason: unknown) => reason);
  };

  it('upgrades, verifies the certificate, and gets the refusal over TLS', async () => {
    const error = await connect(servers.ca);
    expect(error).to.include({ severity: 'FATAL', code: '57P03', message: REFUSAL });
    await expectLastOverTls(servers, name);
  });

  it('does not trust a certificate whose authority it was not given', async () => {
    expect(await connect(undefined)).to.include({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });
}

function testMariadb(servers: Servers, name: string): void {
  const mariadb = (caFile: string): Promise<ClientResult> => {
    const place = ['--protocol=tcp', '--host=localhost', `--port=${servers.port(name)}`, '--user=tester'];
    const tls = ['--ssl', `--ssl-ca=${caFile}`, '--ssl-verify-server-cert'];
    return runClient('mariadb', ['--no-defaults', ...place, ...tls, '--execute=SELECT 1']);
  };

  it('upgrades, verifies the certificate and its name, and prints the refusal over TLS', async () => {
    const { stderr, status, transcript } = await mariadb(servers.caFile);
    expect(stderr, transcript).to.equal(`ERROR 1105 (HY000): ${REFUSAL}\n`);
    expect(status, transcript).to.equal(1);
    await expectLastOverTls(servers, name);
  });

  it('does not trust another authority', async () => {
    const { stderr, status, transcript } = await mariadb(servers.strangerFile);
    expect(stderr, transcript).to.match(/^ERROR 2026 .*unable to get local issuer certificate$/m);
    expect(status, transcript).to.equal(1);
    await expectLastRefused(servers, name);
  });
}

function testMysql2(servers: Servers, name: string): void {
  const connect = (ca: string | undefined): Promise<unknown> => {
    const place = { host: 'localhost', port: servers.port(name), user: 'tester' };
    const ssl = { verifyIdentity: true, ...(ca === undefined ? {} : { ca }) };
    return mysql2.createConnection({ ...place, ssl }).catch((reason: unknown) => reason);
  };

  it('upgrades, verifies the certificate and its name, and gets the refusal over TLS', async () => {
    const error = await connect(servers.ca);
    expect(error).to.include({ errno: 1105, sqlState: 'HY000', message: REFUSAL });
    await expectLastOverTls(servers, name);
  });

  it('does not trust a certificate whose authority it was not given', async () => {
    const error = await connect(undefined);
    expect(error).to.include({ code: 'HANDSHAKE_SSL_ERROR' });
    expect(String(error)).to.match(/unable to verify the first certificate/);
  });
}

async function expectLastOverTls(servers: Servers, name: string): Promise<void> {
  const end = (await servers.ended(name)).at(-1);
  expect(end?.tls?.version).to.equal('TLSv1.3');
  expect(end?.error).to.equal(undefined);
}

/** The client says by an alert why it leaves. */
async function expectLastRefused(servers: Servers, name: string): Promise<void> {
  expect((await servers.ended(name)).at(-1)?.error?.code).to.equal('ERR_HANDSHAKE_ALERT');
}
