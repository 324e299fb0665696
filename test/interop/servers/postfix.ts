import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';

const PORTS = ['smtp', 'submission', 'submissions', 'smtp-proxied', 'postscreen-proxied'] as const;

export type PostfixPort = (typeof PORTS)[number];

export interface PostfixOptions {
  readonly tls: boolean;
  /** A server of LMTP on localhost, with TLS, that gets all mail. Default: it goes to `path('mail/all/new')`. */
  readonly deliverTo?: { readonly port: number; readonly caFile: string };
}

export interface Postfix extends Daemon<PostfixPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
}

/** Owns the mail. */
const NOBODY = 65534;

/**
 * Starts Postfix, which takes mail for everybody at example.org. With TLS `submission` insists on it, at its best, and
 * `submissions` begins with it; the ports `-proxied` want a PROXY header. It needs root, as Postfix drops privileges.
 */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<PostfixPort>(PORTS, async place => {
    if (options.tls) identity = await issueIdentity(place);
    await mkdir(place.path('mail'));
    await chown(place.path('mail'), NOBODY, NOBODY);
    await makeSpool(place);
    await writeFile(place.path('main.cf'), mainOf(place, options, identity));
    await writeFile(place.path('master.cf'), masterOf(place));
    return {
      // Without the checks of `postfix start-fg`, which take a minute and are of the system's files.
      // Postfix opens its standard output anew for the log, so it has to be a pipe, and Node's are sockets.
      command: 'bash',
      args: ['-c', 'exec /usr/lib/postfix/sbin/master -s > >(exec cat)'],
      env: { MAIL_CONFIG: place.directory, MAIL_LOGTAG: 'postfix' },
      ready: { smtp: /^220 /, submission: /^220 / },
    };
  });
  return Object.assign(daemon, { identity });
}

/** The folders of Postfix's own list, `postfix-files`, for its user and the group of the programs that submit mail. */
async function makeSpool(place: DaemonPlace<PostfixPort>): Promise<void> {
  const { stdout: user } = await promisify(execFile)('id', ['-u', 'postfix']);
  const { stdout: group } = await promisify(execFile)('stat', ['-c', '%g', '/usr/sbin/postdrop']);
  const own = async (name: string, mode: number) => {
    await mkdir(place.path(name), { recursive: true });
    await chown(place.path(name), Number(user), Number(group));
    await chmod(place.path(name), mode);
  };
  await mkdir(place.path('spool/pid'), { recursive: true });
  const queues = [
    'active',
    'bounce',
    'corrupt',
    'defer',
    'deferred',
    'flush',
    'hold',
    'incoming',
    'saved',
    'trace',
  ];
  for (const name of [...queues, 'private']) await own(`spool/${name}`, 0o700);
  await own('spool/public', 0o710);
  await own('spool/maildrop', 0o730);
  await own('data', 0o700);
}

function mainOf(place: DaemonPlace<PostfixPort>, options: PostfixOptions, identity?: Identity): string {
  return `
compatibility_level = 3.6
queue_directory = ${place.path('spool')}
data_directory = ${place.path('data')}
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
smtpd_peername_lookup = no
postscreen_greet_wait = 1s
postscreen_access_list =
postscreen_dnsbl_action = ignore
virtual_mailbox_domains = example.org
virtual_mailbox_base = ${place.path('mail')}
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:${NOBODY}
virtual_gid_maps = static:${NOBODY}
virtual_transport = ${options.deliverTo === undefined ? 'virtual' : `lmtp:inet:localhost:${options.deliverTo.port}`}
lmtp_host_lookup = native
lmtp_tls_security_level = secure
lmtp_tls_secure_cert_match = localhost
lmtp_tls_CAfile = ${options.deliverTo?.caFile ?? ''}
lmtp_tls_loglevel = 1
smtpd_tls_security_level = ${identity === undefined ? 'none' : 'may'}
smtpd_tls_chain_files = ${identity === undefined ? '' : `${identity.keyFile}, ${identity.certFile}`}
submission_level = ${identity === undefined ? 'none' : 'encrypt'}
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
`;
}

function masterOf({ ports }: DaemonPlace<PostfixPort>): string {
  const secure = (name: PostfixPort, ...options: readonly string[]) =>
    `127.0.0.1:${ports[name]} inet n - n - - smtpd ${options.join(' ')}`;
  return [
    secure('smtp'),
    secure(
      'submission',
      '-o smtpd_tls_security_level=$submission_level',
      '-o smtpd_tls_exclude_ciphers=aNULL -o smtpd_tls_mandatory_protocols=>=TLSv1.2',
    ),
    secure('submissions', '-o smtpd_tls_wrappermode=yes'),
    secure('smtp-proxied', '-o smtpd_upstream_proxy_protocol=haproxy'),
    `127.0.0.1:${ports['postscreen-proxied']} inet n - n - 1 postscreen`,
    '  -o postscreen_upstream_proxy_protocol=haproxy -o smtpd_service_name=passed',
    'passed pass - - n - - smtpd',
    'tlsproxy unix - - n - 0 tlsproxy',
    'dnsblog unix - - n - 0 dnsblog',
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    ...['bounce', 'defer', 'trace'].map(name => `${name} unix - - n - 0 bounce`),
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    ...['smtp', 'relay'].map(name => `${name} unix - - n - - smtp`),
    'showq unix n - n - - showq',
    ...['error', 'retry'].map(name => `${name} unix - - n - - error`),
    'discard unix - - n - - discard',
    'virtual unix - n n - - virtual',
    'lmtp unix - - n - - lmtp',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n');
}
