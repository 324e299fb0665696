import { expect } from 'chai';
import { silent } from '../src/log.ts';
import { CommandProcess } from './support/command.ts';

describe('src/log', function () {
  this.timeout(20_000);

  async function logged(...args: readonly string[]): Promise<string> {
    const command = new CommandProcess(['serve', 'smtp', '--port', '0', ...args]);
    await command.until(/TRY/);
    command.kill('SIGTERM');
    return (await command.exit()).stderr;
  }

  it('writes a line of JSON for machines', async () => {
    const [first = ''] = (await logged('--log-format', 'json')).split('\n');
    const { time, port, ...fields } = JSON.parse(first);
    expect(fields).to.include({ level: 30, msg: 'listening', protocol: 'smtp', address: '127.0.0.1' });
    expect(time).to.match(/^\d{4}-\d\d-\d\dT/);
    expect(port).to.be.a('number');
  });

  it('writes for people', async () => {
    expect(await logged('--log-format', 'pretty')).to.match(/INFO.*: listening \{.*"protocol":"smtp"/);
  });

  it('says only what it is asked for', async () => {
    expect(await logged('--log-level', 'error')).to.equal('');
  });

  it('is silent in the library unless a logger is given', () => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      expect(silent[level]({}, 'x')).to.equal(undefined);
    }
  });
});
