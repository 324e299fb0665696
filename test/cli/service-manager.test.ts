import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { serviceManager } from '../../src/cli/service-manager.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { RememberingLog } from '../support/remembering-log.ts';

/** Is slow with what comes first: only who waits for it keeps the order. */
const NOTIFY = `#!/bin/sh
case "$1" in RELOADING*) sleep 0.2 ;; esac
echo "$*" >> "$0.told"
`;

describe('src/cli/service-manager', () => {
  const signals = ['SIGTERM', 'SIGINT'] as const;
  const before = new Map(signals.map(signal => [signal, process.listeners(signal)]));

  afterEach(() => {
    for (const signal of signals)
      for (const listener of process.listeners(signal))
        if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
  });
  after(removeFolders);

  it('tells in order, and of a reload the time', async () => {
    const folder = await folderWith({ 'systemd-notify': NOTIFY });
    const command = join(folder, 'systemd-notify');
    chmodSync(command, 0o755);
    const env = { NOTIFY_SOCKET: '/nowhere', PATH: `${folder}:${process.env['PATH']}` };
    const log = new RememberingLog();
    const manager = serviceManager(log, env);
    const begun = process.hrtime.bigint() / 1000n;
    await Promise.all([manager.ready('Serving'), manager.reloading(), manager.ready('Serving more')]);
    const told = readFileSync(`${command}.told`, 'utf8').trimEnd().split('\n');
    const [, at = ''] = /^RELOADING=1 MONOTONIC_USEC=(\d+)$/.exec(told[1] ?? '') ?? [];
    expect([told[0], told[2], told.length]).to.deep.equal([
      'READY=1 STATUS=Serving',
      'READY=1 STATUS=Serving more',
      3,
    ]);
    expect(Number(BigInt(at) - begun)).to.be.at.least(0);
    expect(log.lines).to.deep.equal([]);
  });

  it('says so where it cannot tell, and tells nothing where nobody listens', async () => {
    const log = new RememberingLog();
    await serviceManager(log, { NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere' }).ready('Serving');
    expect(log.lines.map(({ level, message }) => [level, message])).to.deep.equal([
      ['warn', 'service manager cannot be told'],
    ]);
    const nobody = serviceManager(log, {});
    await Promise.all([nobody.ready('Serving'), nobody.reloading()]);
    expect(log.lines).to.have.length(1);
  });
});
