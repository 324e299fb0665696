import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { passedDescriptor } from '../../src/net/passed-descriptor.ts';
import { SALLYPORT } from '../support/command.ts';
import { WireClient } from '../support/wire-client.ts';

const PASSED = { LISTEN_PID: `${process.pid}`, LISTEN_FDS: '2', LISTEN_FDNAMES: 'smtp:imap' };

describe('src/net/passed-descriptor', () => {
  it('finds a descriptor by its name, and takes a number as it is', () => {
    expect(passedDescriptor('systemd:smtp', PASSED)).to.equal(3);
    expect(passedDescriptor('systemd:imap', PASSED)).to.equal(4);
    expect(passedDescriptor('fd:7', {})).to.equal(7);
    expect(passedDescriptor('systemd:unknown', { ...PASSED, LISTEN_FDNAMES: undefined })).to.equal(3);
  });

  for (const [text, env, words] of [
    ['systemd:pop3', PASSED, 'no "pop3"; passed: smtp, imap'],
    ['systemd:smtp', { ...PASSED, LISTEN_PID: '1' }, 'none was passed to this process'],
    ['systemd:smtp', {}, 'none was passed to this process'],
    ['587', PASSED, 'systemd:NAME or fd:NUMBER expected'],
    ['fd:x', PASSED, 'systemd:NAME or fd:NUMBER expected'],
  ] as const) {
    it(`refuses ${text}: ${words}`, () => {
      expect(() => passedDescriptor(text, env))
        .to.throw(words)
        .with.property('code', 'ERR_OPTION');
    });
  }

  it('is served by the command, by the name that systemd gives it', async () => {
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const address = listening.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    // The shell is the process that becomes the command, as systemd's child is.
    const script = 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp; exec "$@"';
    const args = ['serve', 'smtp', '--socket', 'systemd:smtp'];
    // Internal to Node, and the only way to a listening descriptor.
    const { fd } = (listening as unknown as { readonly _handle: { readonly fd: number } })._handle;
    const child: ChildProcess = spawn('sh', ['-c', script, 'sh', process.execPath, ...SALLYPORT, ...args], {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    listening.close();
    try {
      await once(child.stdout ?? child, 'data');
      const client = await WireClient.connect(port);
      await client.until(/^220 .* ESMTP ready\r\n/);
      client.destroy();
    } finally {
      child.kill('SIGKILL');
    }
  });
});
