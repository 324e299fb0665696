import { mkdir, writeFile } from 'node:fs/promises';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';
import { asNobody, giveToNobody } from './system-user.ts';

/** The second one wants a PROXY header. */
export type OpenldapPort = 'ldap' | 'ldap-proxied';

export interface Openldap extends Daemon<OpenldapPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

export const DIRECTORY = 'dc=example,dc=org';
export const DIRECTORY_LOGIN = { dn: `cn=admin,${DIRECTORY}`, password: 'open sesame' };

export interface OpenldapOptions {
  /** Whether it has a certificate. */
  readonly tls: boolean;
  /** Whether it then does nothing without TLS but StartTLS (`security tls=1`). Default `true`. */
  readonly insists?: boolean;
}

/** Starts slapd with an empty directory. */
export async function startOpenldap({ tls, insists = true }: OpenldapOptions): Promise<Openldap> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<OpenldapPort>(['ldap', 'ldap-proxied'], async place => {
    if (tls) identity = await issueIdentity(place);
    await mkdir(place.path('db'));
    await giveToNobody(place.directory, place.path('db'), ...(identity ? [identity.keyFile] : []));
    await writeFile(place.path('slapd.conf'), configOf(place, identity, insists));
    const { ldap, 'ldap-proxied': proxied } = place.ports;
    const urls = `ldap://127.0.0.1:${ldap}/ pldap://127.0.0.1:${proxied}/`;
    const [command, ...args] = asNobody('slapd', '-d', 'stats', '-f', place.path('slapd.conf'), '-h', urls);
    return { command, args, ready: { ldap: 'connects' } };
  });
  await daemon.logged(/slapd starting/);
  return Object.assign(daemon, { identity });
}

function configOf(
  { path }: DaemonPlace<OpenldapPort>,
  identity: Identity | undefined,
  insists: boolean,
): string {
  const secure = identity === undefined ? '' : secureOf(identity);
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
${secure}
${secure !== '' && insists ? 'security tls=1' : ''}
database mdb
suffix "${DIRECTORY}"
rootdn "${DIRECTORY_LOGIN.dn}"
rootpw "${DIRECTORY_LOGIN.password}"
directory ${path('db')}
dbnosync
`;
}

function secureOf({ certFile, keyFile }: Identity): string {
  return `TLSCertificateFile ${certFile}\nTLSCertificateKeyFile ${keyFile}`;
}
