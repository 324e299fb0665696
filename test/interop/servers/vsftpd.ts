import { mkdir, writeFile } from 'node:fs/promises';
import { type Daemon, startDaemon } from './daemon.ts';

export interface Vsftpd extends Daemon<'ftp'> {
  /** Where its files are. */
  readonly root: string;
}

/** Starts a vsftpd without TLS, for anonymous users, who may do everything. */
export async function startVsftpd(): Promise<Vsftpd> {
  const daemon = await startDaemon(['ftp'], async place => {
    await Promise.all([mkdir(place.path('root')), mkdir(place.path('empty'))]);
    const configuration = place.path('vsftpd.conf');
    await writeFile(configuration, settings(place.directory, place.ports.ftp));
    return { command: 'vsftpd', args: [configuration], ready: { ftp: /^220 / } };
  });
  return Object.assign(daemon, { root: daemon.path('root') });
}

function settings(directory: string, port: number): string {
  return `listen=YES
listen_address=127.0.0.1
listen_port=${port}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
no_anon_password=YES
anon_root=${directory}/root
anon_umask=022
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
allow_writeable_chroot=YES
seccomp_sandbox=NO
secure_chroot_dir=${directory}/empty
xferlog_enable=NO
`;
}
