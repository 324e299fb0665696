import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';
import { asNobody, giveToNobody } from './system-user.ts';

export interface Postgres extends Daemon<'postgres'> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

/** Of the superuser, with SCRAM. */
export const POSTGRES_LOGIN = { user: 'tester', password: 'open sesame', database: 'postgres' };

/** Debian has each version in a folder of its own, and none of them in the PATH. */
const VERSIONS = '/usr/lib/postgresql';

/** Starts PostgreSQL, with an empty database, on TCP and on a Unix socket. With TLS, `hostssl` says which hosts need it. */
export async function startPostgres({ tls }: { readonly tls: boolean }): Promise<Postgres> {
  let identity: Identity | undefined;
  const daemon = await startDaemon(['postgres'], async place => {
    const programs = await programsOfNewest();
    await writeFile(place.path('password'), POSTGRES_LOGIN.password);
    await giveToNobody(place.directory);
    await initialize(programs, place);
    const settings = {
      port: String(place.ports.postgres),
      unix_socket_directories: place.directory,
      ...SETTINGS,
    };
    if (tls) {
      identity = await issueIdentity(place);
      await giveToNobody(identity.keyFile);
      Object.assign(settings, {
        ssl: 'on',
        ssl_cert_file: identity.certFile,
        ssl_key_file: identity.keyFile,
      });
    }
    const hosts = `${tls ? 'hostssl' : 'host'} all all 127.0.0.1/32 scram-sha-256`;
    await writeFile(place.path('data/pg_hba.conf'), `local all all scram-sha-256\n${hosts}\n`);
    const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [command, ...args] = asNobody(`${programs}/postgres`, '-D', place.path('data'), ...given);
    return { command, args, ready: { postgres: 'connects' }, stopSignal: 'SIGINT' };
  });
  await daemon.logged(/ready to accept connections/);
  return Object.assign(daemon, { identity });
}

/** Its Unix socket; its clients want the folder. */
export function socketOf({ directory, ports }: Postgres): string {
  return `${directory}/.s.PGSQL.${ports.postgres}`;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
};

async function programsOfNewest(): Promise<string> {
  const versions = (await readdir(VERSIONS)).map(Number).filter(version => version > 0);
  return `${VERSIONS}/${Math.max(...versions)}/bin`;
}

async function initialize(programs: string, place: DaemonPlace<'postgres'>): Promise<void> {
  const login = ['-U', POSTGRES_LOGIN.user, `--pwfile=${place.path('password')}`, '--auth=scram-sha-256'];
  const options = ['--no-sync', '--no-locale', '--encoding=UTF8', ...login];
  const [command, ...args] = asNobody(`${programs}/initdb`, '-D', place.path('data'), ...options);
  await promisify(execFile)(command, args, { cwd: place.directory });
}
