import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A vsftpd without TLS in a directory of its own, for anonymous users, who may do everything. */
export class Vsftpd {
  readonly port: number;
  /** Where its files are. */
  readonly root: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.port = port;
    this.root = join(directory, 'root');
    const configuration = join(directory, 'vsftpd.conf');
    mkdirSync(this.root);
    mkdirSync(join(directory, 'empty'));
    writeFileSync(configuration, settings(directory, port));
    this.#process = spawn('vsftpd', [configuration], { stdio: 'inherit' });
  }

  /** Resolves when it answers. */
  static async start(): Promise<Vsftpd> {
    const server = new Vsftpd(mkdtempSync(join(tmpdir(), 'sallyport-vsftpd-')), await freePort());
    for (let attempt = 0; attempt < 50 && !(await answers(server.port)); attempt++) await sleep(100);
    return server;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.kill()) await once(this.#process, 'exit');
    rmSync(this.#directory, { recursive: true, force: true });
  }
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

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server
  server.close();
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => socket.destroy());
    socket.once('error', () => resolve(false));
    socket.once('close', failed => resolve(!failed));
  });
}
