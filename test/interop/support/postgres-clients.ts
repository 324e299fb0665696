import pg from 'pg';
import { requests, startupMessage } from '../../../protocol/postgres-message.ts';
import { WireClient } from '../../support/wire-client.ts';
import { POSTGRES_LOGIN } from '../servers/postgres.ts';
import { ClientProcess, type ClientResult } from './client-process.ts';
import type { Front } from './fronts.ts';

/** Runs psql to its end; each command is SQL or one of its own. It verifies the certificate and its name. */
export function psql(
  front: Front,
  commands: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ClientResult> {
  return startPsql(front, commands, env).hangUp();
}

export function startPsql(
  { port, caFile }: Front,
  commands: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ClientProcess {
  const { user, password, database } = POSTGRES_LOGIN;
  const place = `host=localhost port=${port} user=${user} dbname=${database} connect_timeout=15`;
  const tls = `sslmode=verify-full sslrootcert=${caFile}`;
  const options = ['--no-psqlrc', '--no-password', '--set=ON_ERROR_STOP=1', `${place} ${tls}`];
  return new ClientProcess('psql', [...options, ...commands.map(each => `--command=${each}`)], {
    env: { PGPASSWORD: password, ...env },
  });
}

/** Connects npm's pg, which verifies the certificate and its name. */
export async function connect(
  { port, ca }: Front,
  options: { readonly sslnegotiation?: 'direct' } = {},
): Promise<pg.Client> {
  const client = new pg.Client({ host: 'localhost', port, ...POSTGRES_LOGIN, ssl: { ca }, ...options });
  await client.connect();
  return client;
}

/** Asks under TLS to end what a client's query does, as libpq does since version 17; pg asks in plaintext only. */
export async function cancel({ port, ca }: Front, client: pg.Client): Promise<void> {
  // Told by the server at the login; the types do not know them.
  const { processID, secretKey } = client as unknown as Record<'processID' | 'secretKey', number>;
  const key = Buffer.alloc(8);
  key.writeInt32BE(processID);
  key.writeInt32BE(secretKey, 4);
  const wire = await WireClient.connect(port);
  await wire.say(Buffer.from(startupMessage(requests.ssl), 'latin1')).until('S');
  await wire.startTls({ ca });
  wire.say(Buffer.from(startupMessage(requests.cancel, key.toString('latin1')), 'latin1'));
  await wire.end();
  wire.destroy();
}
