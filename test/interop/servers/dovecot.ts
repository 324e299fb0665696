import { chown, mkdir, writeFile } from 'node:fs/promises';
import { PASSWORD } from '../support/mail-clients.ts';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';

const PORTS = ['imap', 'pop3', 'lmtp', 'sieve', 'imaps', 'pop3s'] as const;
const PROXIED = ['imap-proxied', 'pop3-proxied', 'lmtp-proxied', 'sieve-proxied'] as const;

export type DovecotPort = (typeof PORTS)[number] | (typeof PROXIED)[number];

export interface Dovecot extends Daemon<DovecotPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

/** Dovecot trusts a client with the address that it has itself; seen from here no client has this one. */
export const ELSEWHERE = '127.0.0.2';

/** What runs without privileges and owns the mail. */
const NOBODY = 65534;

/**
 * Starts Dovecot with imap, pop3, lmtp and ManageSieve, each on a port of its own; the ports `-proxied` want a PROXY
 * header. Every user has a mailbox as soon as mail comes for them. With TLS it has a certificate, and offers the
 * upgrade on all of them. It needs root, as Dovecot drops privileges.
 */
export async function startDovecot({ tls }: { readonly tls: boolean }): Promise<Dovecot> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<DovecotPort>([...PORTS, ...PROXIED], async place => {
    if (tls) identity = await issueIdentity(place);
    await mkdir(place.path('home'));
    await chown(place.path('home'), NOBODY, NOBODY);
    await writeFile(place.path('dovecot.conf'), configOf(place, identity));
    const secure = tls ? ({ imaps: 'connects', pop3s: 'connects' } as const) : {};
    return {
      command: 'dovecot',
      args: ['-F', '-c', place.path('dovecot.conf')],
      ready: { imap: /^\* OK .*\r\n/, pop3: /^\+OK .*\r\n/, lmtp: /^220 /, sieve: /^OK /m, ...secure },
    };
  });
  return Object.assign(daemon, { identity });
}

function configOf({ directory, ports }: DaemonPlace<DovecotPort>, identity: Identity | undefined): string {
  return `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = /dev/stderr
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1, ${ELSEWHERE}
haproxy_trusted_networks = 127.0.0.0/8
auth_username_format = %Ln
auth_mechanisms = plain login
disable_plaintext_auth = yes
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${NOBODY} gid=${NOBODY} home=${directory}/home/%u allow_all_users=yes
}
mail_location = maildir:~/Maildir
first_valid_uid = ${NOBODY}
protocol lmtp {
  mail_plugins = sieve
  postmaster_address = postmaster@localhost
}
plugin {
  sieve = file:~/sieve;active=~/active.sieve
}
${identity === undefined ? 'ssl = no' : secureOf(identity)}
${serviceOf('imap-login', { imap: ports.imap, imaps: identity && ports.imaps, proxied: ports['imap-proxied'] })}
${serviceOf('pop3-login', { pop3: ports.pop3, pop3s: identity && ports.pop3s, proxied: ports['pop3-proxied'] })}
${serviceOf('lmtp', { lmtp: ports.lmtp, proxied: ports['lmtp-proxied'] })}
${serviceOf('managesieve-login', { sieve: ports.sieve, proxied: ports['sieve-proxied'] })}
`;
}

function secureOf({ certFile, keyFile }: Identity): string {
  return `ssl = yes\nssl_cert = <${certFile}\nssl_key = <${keyFile}`;
}

/** Without a port the listener, which may be one of Dovecot's own, is off. */
function serviceOf(service: string, listeners: Readonly<Record<string, number | undefined>>): string {
  const blocks = Object.entries(listeners).map(([name, port = 0]) => {
    const more = name === 'proxied' ? '\n    haproxy = yes' : /s$/.test(name) ? '\n    ssl = yes' : '';
    return `  inet_listener ${name} {\n    port = ${port}${more}\n  }`;
  });
  return `service ${service} {\n${performance(service)}${blocks.join('\n')}\n}`;
}

/**
 * One login process for all clients: with one for each, which is Dovecot's default, the master may leave the first
 * connection of a second listener waiting for more than ten seconds.
 */
function performance(service: string): string {
  return /-login$/.test(service) ? '  service_count = 0\n  process_min_avail = 1\n' : '';
}
