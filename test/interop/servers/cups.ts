import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';
import { giveToNobody } from './system-user.ts';

const PORTS = ['http', 'https'] as const;

export type CupsPort = (typeof PORTS)[number];

export interface Cups extends Daemon<CupsPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
  /** What its printer, `paper`, has printed last. */
  readonly printed: string;
}

/**
 * Starts the scheduler of CUPS, with one printer. With TLS it takes both the upgrade and TLS from the first byte, on
 * either port.
 */
export async function startCups({ tls }: { readonly tls: boolean }): Promise<Cups> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<CupsPort>(PORTS, async place => {
    for (const folder of FOLDERS) await mkdir(place.path(folder), { recursive: true });
    if (tls) identity = await issueIdentity(place);
    for (const [name, text] of Object.entries(filesOf(place, identity))) {
      await writeFile(place.path(name), text, { mode: name.endsWith('.key') ? 0o600 : 0o644 });
    }
    await writeFile(place.path('bin/backend/paper'), PAPER, { mode: 0o755 });
    await symlink('/usr/lib/cups/daemon', place.path('bin/daemon'));
    await giveToNobody(...['spool', 'printed', 'tmp'].map(name => place.path(name)));
    const args = ['-f', '-c', place.path('cupsd.conf'), '-s', place.path('cups-files.conf')];
    return { command: 'cupsd', args, ready: { http: 'connects', https: 'connects' } };
  });
  return Object.assign(daemon, { identity, printed: daemon.path('printed/job') });
}

const FOLDERS = ['root', 'spool', 'cache', 'state', 'tmp', 'printed', 'bin/backend'];

/** How jobs come to the printer: its argument is the folder that it prints to (backend(7)). */
const PAPER = `#!/bin/sh
[ $# -eq 0 ] && exit
cp "$6" "\${DEVICE_URI#paper:}/new" && mv "\${DEVICE_URI#paper:}/new" "\${DEVICE_URI#paper:}/job"
`;

function filesOf(
  { path, ports }: DaemonPlace<CupsPort>,
  identity: Identity | undefined,
): Readonly<Record<string, string>> {
  const places = {
    ServerBin: 'bin',
    ServerRoot: 'root',
    RequestRoot: 'spool',
    CacheDir: 'cache',
    StateDir: 'state',
    TempDir: 'tmp',
    ServerKeychain: 'root',
  };
  return {
    'cupsd.conf': `
ServerName localhost
LogLevel info
Listen 127.0.0.1:${ports.http}
Listen 127.0.0.1:${ports.https}
Browsing Off
DefaultAuthType None
WebInterface No
DefaultEncryption ${identity === undefined ? 'Never' : 'IfRequested'}
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
`,
    'cups-files.conf': `
SystemGroup root
User nobody
Group nogroup
AccessLog stderr
ErrorLog stderr
PageLog stderr
CreateSelfSignedCerts no
${Object.entries(places)
  .map(([name, folder]) => `${name} ${path(folder)}\n`)
  .join('')}`,
    'root/printers.conf': `<DefaultPrinter paper>\nDeviceURI paper:${path('printed')}\nState Idle\nAccepting Yes\n</DefaultPrinter>\n`,
    ...(identity === undefined
      ? {}
      : { 'root/localhost.crt': identity.cert, 'root/localhost.key': identity.key }),
  };
}
