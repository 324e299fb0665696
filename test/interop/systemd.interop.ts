import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { describeClient } from './support/needed-client.ts';

/** A socket as systemd has it: prints each message on a line, its parts behind each other. */
const MANAGER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace(chr(10), " "), flush=True)
`;

describeClient('systemd-notify', () => {
  let manager: ChildProcess | undefined;

  afterEach(async () => {
    manager?.kill('SIGKILL');
    await removeFolders();
  });

  /** Binds the socket; `until` resolves when the words have been heard there. */
  async function listening(path: string) {
    const python = spawn('python3', ['-c', MANAGER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    manager = python;
    const { stdout } = python;
    let heard = '';
    stdout.setEncoding('utf8').on('data', text => {
      heard += text;
    });
    const until = async (words: RegExp) => {
      while (!words.test(heard)) await once(stdout, 'data');
    };
    await until(/bound/);
    return { heard: () => heard, until };
  }

  it('says when all listen, that the process lives, and when it stops', async () => {
    const path = join(await folderWith(), 'notify');
    const { heard, until } = await listening(path);
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' };
    const command = new CommandProcess(['serve', 'smtp', '--port', '0'], env);
    try {
      await until(/READY=1 STATUS=Serving smtp/);
      await until(/(WATCHDOG=1[\s\S]*){2}/);
      expect(heard()).to.not.contain('STOPPING');
      command.kill('SIGTERM');
      await until(/STOPPING=1 STATUS=Draining/);
      expect((await command.exit()).status).to.equal(0);
    } finally {
      command.kill('SIGKILL');
    }
  });

  it('says when a reload begins, by its clock, and when it is over, also where it was refused', async () => {
    const good = 'certificates: development\nlisteners: [{ protocol: smtp, address: 127.0.0.1:0 }]\n';
    const folder = await folderWith({ 'sallyport.yaml': good });
    const [path, file] = [join(folder, 'notify'), join(folder, 'sallyport.yaml')];
    const { until } = await listening(path);
    const env = { NOTIFY_SOCKET: path, XDG_STATE_HOME: folder };
    const command = new CommandProcess(['run', '--config', file], env);
    try {
      await until(/READY=1 STATUS=Serving smtp on 1 addresses\n/);
      command.kill('SIGHUP');
      await until(
        /RELOADING=1 MONOTONIC_USEC=\d{6,}\n(.*BARRIER.*\n)*READY=1 STATUS=Serving smtp on 1 addresses\n/,
      );
      await writeFile(file, good.replace('smtp', 'smpt'));
      command.kill('SIGHUP');
      await until(/RELOADING[^$]*RELOADING[^$]*READY=1 STATUS=[^\n]*; the last reload was refused\n/);
      command.kill('SIGTERM');
      await until(/STOPPING=1 STATUS=Draining/);
      expect((await command.exit()).status).to.equal(0);
    } finally {
      command.kill('SIGKILL');
    }
  });
});
