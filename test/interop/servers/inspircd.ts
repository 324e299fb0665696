import { writeFile } from 'node:fs/promises';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';

const PORTS = ['irc', 'ircs'] as const;

export type InspircdPort = (typeof PORTS)[number];

export interface Inspircd extends Daemon<InspircdPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

/**
 * Starts InspIRCd. With TLS it offers STARTTLS on `irc`, and `ircs` begins with TLS. Without its module `cap` it would not
 * answer a client that asks for what is offered.
 */
export async function startInspircd({ tls }: { readonly tls: boolean }): Promise<Inspircd> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<InspircdPort>(PORTS, async place => {
    if (tls) identity = await issueIdentity(place);
    await writeFile(place.path('inspircd.conf'), configOf(place, identity));
    const run = ['--nofork', '--nopid', '--runasroot', '--config', place.path('inspircd.conf')];
    return { command: 'inspircd', args: run, ready: { irc: 'connects' } };
  });
  return Object.assign(daemon, { identity });
}

function configOf({ ports }: DaemonPlace<InspircdPort>, identity: Identity | undefined): string {
  const bind = (port: InspircdPort, more = '') =>
    `<bind address="127.0.0.1" port="${ports[port]}" type="clients"${more}>`;
  return [
    '<server name="irc.example.org" description="Interop" network="Interop" id="001">',
    '<admin name="nobody" nick="nobody" email="nobody@example.org">',
    '<connect allow="*" timeout="60" localmax="100" globalmax="100" resolvehostnames="no">',
    '<log method="stdout" type="* -USERINPUT -USEROUTPUT" level="default">',
    '<module name="cap">',
    bind('irc'),
    ...(identity === undefined ? [] : [...secureOf(identity), bind('ircs', ' sslprofile="own"')]),
    '',
  ].join('\n');
}

function secureOf({ certFile, keyFile }: Identity): readonly string[] {
  return [
    '<module name="ssl_gnutls">',
    '<module name="starttls">',
    `<sslprofile name="own" provider="gnutls" certfile="${certFile}" keyfile="${keyFile}">`,
    '<starttls sslprofile="own">',
  ];
}
