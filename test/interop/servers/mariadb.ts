import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';
import { asNobody, giveToNobody } from './system-user.ts';

export interface Mariadb extends Daemon<'mysql'> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

/** Their users have the name of the plugin by which they log in. */
export const MARIADB_USERS = ['mysql_native_password', 'ed25519'] as const;
export const MARIADB_PASSWORD = 'open sesame';
export const MARIADB_DATABASE = 'books';

/** Starts MariaDB with an empty database. With TLS it takes no login without it (`require_secure_transport`). */
export async function startMariadb({ tls }: { readonly tls: boolean }): Promise<Mariadb> {
  let identity: Identity | undefined;
  const daemon = await startDaemon(['mysql'], async place => {
    if (tls) identity = await issueIdentity(place);
    await mkdir(place.path('data'));
    await giveToNobody(place.directory, place.path('data'), ...(identity ? [identity.keyFile] : []));
    await initialize(place);
    await writeFile(place.path('users.sql'), USERS);
    const own = identity === undefined ? ['--skip-ssl'] : secureOf(identity);
    const [command, ...args] = asNobody('mariadbd', '--no-defaults', ...settingsOf(place), ...own);
    return { command, args, ready: { mysql: /MariaDB/ } };
  });
  return Object.assign(daemon, { identity });
}

/** One statement a line, as an init file has them. */
const USERS = [
  `CREATE DATABASE ${MARIADB_DATABASE};`,
  ...MARIADB_USERS.flatMap(name => [
    `CREATE USER ${name}@'127.0.0.1' IDENTIFIED VIA ${name} USING PASSWORD('${MARIADB_PASSWORD}');`,
    `GRANT ALL ON ${MARIADB_DATABASE}.* TO ${name}@'127.0.0.1';`,
  ]),
  '',
].join('\n');

async function initialize({ directory, path }: DaemonPlace<'mysql'>): Promise<void> {
  const options = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  const [command, ...args] = asNobody(
    'mariadb-install-db',
    '--no-defaults',
    `--datadir=${path('data')}`,
    ...options,
  );
  await promisify(execFile)(command, args, { cwd: directory });
}

function settingsOf({ ports, path }: DaemonPlace<'mysql'>): readonly string[] {
  return [
    `--datadir=${path('data')}`,
    `--port=${ports.mysql}`,
    '--bind-address=127.0.0.1',
    `--socket=${path('socket')}`,
    `--pid-file=${path('pid')}`,
    `--init-file=${path('users.sql')}`,
    '--plugin-load-add=auth_ed25519',
    '--max-allowed-packet=64M',
    '--innodb-flush-log-at-trx-commit=0',
  ];
}

function secureOf({ certFile, keyFile }: Identity): readonly string[] {
  return ['--require-secure-transport', `--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`];
}
