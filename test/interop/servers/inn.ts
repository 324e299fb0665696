import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';
import { asUser, giveToUser, NEWS } from './system-user.ts';

const PORTS = ['nntp', 'nntps'] as const;

export type InnPort = (typeof PORTS)[number];

export interface Inn extends Daemon<InnPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

/** Where test/interop/install.sh unpacks Debian's package: it cannot be installed on a machine without a domain. */
const NEWS_ROOT = '/opt/sallyport-interop/inn/usr/lib/news';

/** Ends with 0 where it is there; it runs as nobody but the user `news`. */
export const INN_IS_INSTALLED = `test -x ${NEWS_ROOT}/bin/innd && test $(id -u) = 0`;

/** The newsgroup that it has. */
export const NEWSGROUP = 'interop.test';

/** Starts innd, which hands readers to nnrpd; with TLS also an nnrpd for `nntps`, which begins with TLS. */
export async function startInn({ tls }: { readonly tls: boolean }): Promise<Inn> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<InnPort>(PORTS, async place => {
    if (tls) identity = await issueIdentity(place);
    const folders = FOLDERS.map(name => place.path(name));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(FILES)) await writeFile(place.path(name), text);
    await writeFile(place.path('inn.conf'), configOf(place, identity));
    const files = Object.keys(FILES).map(name => place.path(name));
    await giveToUser(NEWS, place.directory, ...folders, ...files, ...(identity ? [identity.keyFile] : []));
    const env = { LD_LIBRARY_PATH: NEWS_ROOT, INNCONF: place.path('inn.conf') };
    await makeHistory(place, env);
    const secure = `${NEWS_ROOT}/bin/nnrpd -D -f -S -4 127.0.0.1 -p ${place.ports.nntps} & `;
    const run = `${tls ? secure : ''}exec ${NEWS_ROOT}/bin/innd -d -f`;
    const [command, ...args] = asUser(NEWS, 'sh', '-c', run);
    return { command, args, env, ready: { nntp: /^200 /, ...(tls ? { nntps: 'connects' as const } : {}) } };
  });
  return Object.assign(daemon, { identity });
}

const SPOOL = ['articles', 'overview', 'incoming/bad', 'incoming/tmp', 'outgoing', 'archive'];
const FOLDERS = ['db', 'run', 'log', 'tmp', 'filter', 'spool', ...SPOOL.map(name => `spool/${name}`)];

const FILES: Readonly<Record<string, string>> = {
  // Its own groups may not be missing.
  'db/active': [
    group('control', 'n'),
    group('control.cancel', 'n'),
    group('junk', 'n'),
    group(NEWSGROUP, 'y'),
  ].join(''),
  'db/newsgroups': `${NEWSGROUP}\tWhat the tests say\n`,
  'db/active.times': '',
  'db/history': '',
  'readers.conf':
    'auth all { hosts: "*" default: "<all>" }\naccess all { users: "<all>" newsgroups: "*" access: RPA }\n',
  'storage.conf': 'method tradspool {\n newsgroups: *\n class: 0\n}\n',
  'expire.ctl': '/remember/:11\n*:A:1:90:never\n',
  newsfeeds: 'ME:*::\n',
  'incoming.conf': 'streaming: true\n',
  'control.ctl': '',
  moderators: '',
};

/** Without an article yet; the letter says whether articles are taken. */
function group(name: string, posting: 'y' | 'n'): string {
  return `${name} 0000000000 0000000001 ${posting}\n`;
}

function configOf({ directory, path, ports }: DaemonPlace<InnPort>, identity: Identity | undefined): string {
  const settings = {
    pathhost: 'news.example.org',
    domain: 'example.org', // of the machine, where it has none
    organization: 'Interop',
    mta: '/bin/true',
    port: ports.nntp,
    bindaddress: '127.0.0.1',
    ovmethod: 'tradindexed',
    hismethod: 'hisv6',
    enableoverview: true,
    icdsynccount: 1, // each article is there at once
    nnrpdloadlimit: 0,
    pgpverify: false,
    pathnews: NEWS_ROOT,
    pathbin: `${NEWS_ROOT}/bin`,
    pathdb: path('db'),
    pathetc: directory,
    pathfilter: path('filter'),
    pathspool: path('spool'),
    pathrun: path('run'),
    pathlog: path('log'),
    pathtmp: path('tmp'),
    ...(identity === undefined ? {} : { tlscertfile: identity.certFile, tlskeyfile: identity.keyFile }),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** An empty index of the articles that it has seen; without one innd does not start. */
async function makeHistory(
  { path }: DaemonPlace<InnPort>,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const [command, ...args] = asUser(NEWS, `${NEWS_ROOT}/bin/makedbz`, '-i', '-o', '-s', '1000');
  await promisify(execFile)(command, args, { cwd: path('db'), env: { ...process.env, ...env } });
}
