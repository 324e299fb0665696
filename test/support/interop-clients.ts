import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { protocols } from '../../protocol/index.ts';
import { ROOT } from './root.ts';

/** Clients whose tests are about one protocol, and do not say which. */
const OF_ONE_PROTOCOL: Readonly<Record<string, string>> = {
  lftp: 'ftp',
  'basic-ftp': 'ftp',
  irssi: 'irc',
  mpop: 'pop3',
  mbsync: 'imap',
  imapflow: 'imap',
  'sieve-connect': 'sieve',
  'go-sendxmpp': 'xmpp',
  '@xmpp/client': 'xmpp',
  s3270: 'telnet',
  ldapsearch: 'ldap',
  ldapts: 'ldap',
  psql: 'postgres',
  pg: 'postgres',
  mariadb: 'mysql',
  mysql2: 'mysql',
};

/** No client: tests of an example, and of servers that are backends, by clients that have tests of their own. */
const NO_CLIENTS = ['mail-catcher', 'backend', 'soak'];

/** Which clients the interop suite tries on each protocol, as its tests' titles say; none of them is run. */
export async function interopClients(): Promise<ReadonlyMap<string, readonly string[]>> {
  const titles = await interopTitles();
  return new Map(protocols.map(({ name }) => [name, clientsIn(titles, name)]));
}

function clientsIn(titles: readonly string[], protocol: string): readonly string[] {
  const clients = new Set<string>();
  for (const title of titles) {
    const [client = '', ...words] = title.split(/[\s,:]+/);
    if (NO_CLIENTS.includes(client)) continue;
    const named = words.includes(protocol) || words.includes(`${protocol}s`);
    const known = OF_ONE_PROTOCOL[client];
    if (known === undefined ? named : known === protocol) clients.add(client);
  }
  return [...clients];
}

async function interopTitles(): Promise<readonly string[]> {
  const mocha = join(ROOT, 'node_modules/mocha/bin/mocha.js');
  const options = [
    '--no-package',
    '--config',
    'test/interop/.mocharc.json',
    '--dry-run',
    '--reporter',
    'json',
  ];
  const { NODE_V8_COVERAGE: _, ...env } = process.env; // a dry run says nothing of what is covered
  const { stdout } = await promisify(execFile)(process.execPath, [mocha, ...options], { cwd: ROOT, env });
  const { tests }: { tests: readonly { readonly fullTitle: string }[] } = JSON.parse(stdout);
  return tests.map(({ fullTitle }) => fullTitle);
}
