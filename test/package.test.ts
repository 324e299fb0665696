import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import * as api from '../src/index.ts';
import { folderWith, removeFolders } from './support/folder.ts';
import { ROOT } from './support/root.ts';

const run = promisify(execFile);

const CONSUMER = `
import { createServer, type Session, SallyportError, smtp, upgrade, defineLineProtocol } from 'sallyport';
const protocol = defineLineProtocol({ name: 'mine', port: 4711, greeting: 'OK ready' });
const server = createServer({ protocol, certificate: { cert: '', key: '' } }, async (session: Session) => {
  for await (const line of session.lines()) await session.writeLine(line);
});
server.on('end', end => { const bytes: number = end.bytesIn; void bytes; });
const error: unknown = new SallyportError('ERR_LISTEN');
// @ts-expect-error: there is no such code
new SallyportError('ERR_NONSENSE');
void [smtp, upgrade, error];
`;

describe('the packed package', function () {
  this.timeout(120_000);
  let folder: string;
  let installed: string;

  before(async () => {
    folder = await folderWith({ 'consumer.ts': CONSUMER, 'package.json': '{ "type": "module" }' });
    const dist = join(folder, 'build');
    await run(
      'npx',
      ['tsc', '-p', join(ROOT, 'tsconfig.json'), '--noEmit', 'false', '--outDir', join(dist, 'dist')],
      { cwd: ROOT },
    );
    for (const name of ['package.json', 'README.md', 'LICENSE']) {
      await writeFile(join(dist, name), await readFile(join(ROOT, name)));
    }
    await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: dist });
    const [tarball = ''] = (await readdir(folder)).filter(name => name.endsWith('.tgz'));
    installed = join(folder, 'node_modules', 'sallyport');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed]);
    for (const name of await readdir(join(ROOT, 'node_modules'))) {
      if (!name.startsWith('.'))
        await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    }
  });

  after(removeFolders);

  it('holds the built code, its types, the readme and the licence, and nothing else', async () => {
    const files = await readdir(installed, { recursive: true });
    const odd = files.filter(
      file => !/^(package\.json|README\.md|LICENSE|dist(\/(src|protocol)(\/.*)?)?)$/.test(file),
    );
    expect(odd).to.deep.equal([]);
    expect(files).to.include.members([
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'dist/src/cli/main.js',
      'dist/src/admin/page/main.js',
      'LICENSE',
    ]);
  });

  it('gives by import all that the source gives', async () => {
    const script = "import('sallyport').then(all => console.log(JSON.stringify(Object.keys(all))))";
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: folder });
    expect(JSON.parse(stdout)).to.have.members(Object.keys(api));
  });

  it('has types that a consumer can use', async () => {
    const options = [
      '--module',
      'NodeNext',
      '--strict',
      '--noEmit',
      '--skipLibCheck',
      'false',
      '--types',
      'node',
    ];
    await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, '--target', 'ES2022', 'consumer.ts'], {
      cwd: folder,
    }).catch(({ stdout }) => expect.fail(String(stdout)));
  });

  it('has the live page, and the charts that it draws', async () => {
    const script = `import('sallyport').then(async ({ createAdmin }) => {
      const admin = createAdmin({ address: { host: '127.0.0.1', port: 0 } });
      const { port } = await admin.listen();
      for (const file of ['', 'page.css', 'chart.js', 'page/main.js']) {
        console.log((await fetch('http://127.0.0.1:' + port + '/' + file)).status);
      }
      await admin.close();
    })`;
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: folder });
    expect(stdout).to.equal('200\n'.repeat(4));
  });

  it('has a command that runs', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const { stdout } = await run(process.execPath, [join(installed, 'dist/src/cli/main.js'), '--version']);
    expect(stdout).to.equal(`${version}\n`);
  });
});
