import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { dropPrivileges } from '../../src/run/drop-privileges.ts';
import { CommandProcess } from '../support/command.ts';

const ROOT_USER = process.getuid?.() === 0;
const NOBODY = 65_534;

describe('src/run/drop-privileges', () => {
  it('changes nothing where nobody is named', () => {
    expect(() => dropPrivileges({})).to.not.throw();
  });

  it('refuses a user that there is not, before anything is given up', () => {
    expect(() => dropPrivileges({ user: 'nobody-of-this-name' }))
      .to.throw('Cannot give up privileges')
      .with.property('code', 'ERR_PRIVILEGES');
    expect(process.getuid?.() === 0).to.equal(ROOT_USER);
  });

  it('goes on as the user and the group alone, when the port is bound', async function () {
    if (!ROOT_USER) return this.skip();
    const command = new CommandProcess(['serve', 'smtp', '--port', '0', '--user', `${NOBODY}`]);
    try {
      await command.until(/127\.0\.0\.1:\d+/);
      const status = readFileSync(`/proc/${command.child.pid}/status`, 'utf8');
      const ids = `${NOBODY}\t${NOBODY}\t${NOBODY}\t${NOBODY}`;
      expect(status).to.contain(`Uid:\t${ids}`).and.contain(`Gid:\t${ids}`);
      expect(status).to.match(new RegExp(`^Groups:\\t${NOBODY} $`, 'm'));
    } finally {
      command.kill('SIGKILL');
    }
  });

  it('ends the command where it cannot be done', async () => {
    const command = new CommandProcess(['serve', 'smtp', '--port', '0', '--user', 'nobody-of-this-name']);
    const { status, stderr } = await command.exit();
    expect([status, stderr]).to.deep.equal([77, stderr]);
    expect(stderr).to.contain('Cannot give up privileges');
  });
});
