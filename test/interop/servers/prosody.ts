import { mkdir, writeFile } from 'node:fs/promises';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';
import { asNobody, giveToNobody } from './system-user.ts';

export type ProsodyPort = 'xmpp' | 'xmpp-server';

export interface Prosody extends Daemon<ProsodyPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

export const XMPP_USERS = ['anna', 'berta'] as const;
export const XMPP_PASSWORD = 'open sesame';

/** Starts Prosody with a few accounts of localhost. With TLS it wants it from clients and from servers. */
export async function startProsody({ tls }: { readonly tls: boolean }): Promise<Prosody> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<ProsodyPort>(['xmpp', 'xmpp-server'], async place => {
    if (tls) identity = await issueIdentity(place);
    await mkdir(place.path('data/localhost/accounts'), { recursive: true });
    await giveToNobody(place.directory, ...FOLDERS.map(name => place.path(name)));
    if (identity !== undefined) await giveToNobody(identity.keyFile);
    for (const user of XMPP_USERS)
      await writeFile(place.path(`data/localhost/accounts/${user}.dat`), ACCOUNT);
    await writeFile(place.path('prosody.cfg.lua'), configOf(place, identity));
    const [command, ...args] = asNobody('prosody', '--config', place.path('prosody.cfg.lua'), '-F');
    return { command, args, ready: { xmpp: 'connects', 'xmpp-server': 'connects' } };
  });
  return Object.assign(daemon, { identity });
}

const FOLDERS = ['data', 'data/localhost', 'data/localhost/accounts'];

/** As its storage on disk has one. */
const ACCOUNT = `return { ["password"] = "${XMPP_PASSWORD}"; };\n`;

function configOf({ ports, path }: DaemonPlace<ProsodyPort>, identity: Identity | undefined): string {
  const secure = identity !== undefined;
  return `
pidfile = "${path('pid')}"
data_path = "${path('data')}"
certificates = "${path('')}"
modules_enabled = { "roster", "saslauth", ${secure ? '"tls", ' : ''}"disco", "ping" }
${secure ? '' : 'modules_disabled = { "tls" }'}
authentication = "internal_plain"
allow_unencrypted_plain_auth = ${!secure}
c2s_require_encryption = ${secure}
s2s_require_encryption = ${secure}
interfaces = { "127.0.0.1" }
c2s_ports = { ${ports.xmpp} }
s2s_ports = { ${ports['xmpp-server']} }
log = { { levels = { min = "info" }, to = "console" } }
VirtualHost "localhost"
${identity === undefined ? '' : `ssl = { certificate = "${identity.certFile}", key = "${identity.keyFile}" }`}
`;
}
