import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitStatuses } from '../../src/cli/exit-status.ts';
import { CommandProcess } from '../support/command.ts';
import { configurationFolder, configurations, ENVIRONMENT } from '../support/configuration-files.ts';
import { removeFolders } from '../support/folder.ts';

describe('sallyport check', function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    folder = await configurationFolder();
  });
  after(removeFolders);

  async function check(kind: 'broken' | 'good', name: string) {
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, (await configurations(kind)).get(name) ?? '');
    return new CommandProcess(['check', file], { XDG_STATE_HOME: folder, ...ENVIRONMENT }).exit();
  }

  it('says of a good file what each listener would do, and ends with 0', async () => {
    const { status, stdout, stderr } = await check('good', 'every-key');
    expect({ status, stderr }).to.deep.equal({ status: exitStatuses.ok, stderr: '' });
    const own = 'certificate for localhost \\S+ 127\\.0\\.0\\.1 .* until \\d{4}-\\d\\d-\\d\\d';
    const smtp = `TLS required, ${own}, client certificates: require, to the module ${folder}/application.mjs`;
    const mail = ', certificate for mail\\.example\\.org until \\d{4}-\\d\\d-\\d\\d';
    const upstreams =
      '10.0.0.5:5432 and \\*.example.org=/run/db.sock and \\[::1\\]:5433 with TLS \\(upgrade\\)';
    const expected = [
      `smtp on 127.0.0.1:25: ${smtp}`,
      `smtp on \\[::1\\]:587: ${smtp}`,
      `smtp on /run/sallyport/smtp.sock: ${smtp}`,
      `postgres on 127.0.0.1:5432: TLS required${mail.repeat(4)}, to ${upstreams}`,
      `line on 127.0.0.1:0: TLS required${mail.repeat(4)}, to the command tr a-z "\\$\\{UPPER\\}"`,
      `line on systemd:line: TLS required${mail.repeat(4)}, to the command tr a-z "\\$\\{UPPER\\}"`,
      `ftp on 127.0.0.1:21: TLS required${mail.repeat(4)}, to 10.0.0.6:2121`,
      'admin on 0.0.0.0:9464: figures for who has the token',
    ];
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).to.equal(expected.length);
    for (const [index, line] of lines.entries()) expect(line).to.match(new RegExp(`^${expected[index]}$`));
  });

  it('prints every mistake of a broken file, and ends with 78', async () => {
    const { status, stdout } = await check('broken', 'unknown-protocol');
    expect(status).to.equal(exitStatuses.config);
    expect(stdout).to.match(
      /^\S+\/unknown-protocol\.yaml:3:15: "protocol" is "smpt"; did you mean "smtp"\?\n/,
    );
    expect(stdout.trimEnd().split('\n').length).to.equal(2);
  });
});
