import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Command } from 'commander';
import { protocols } from '../protocol/index.ts';
import { line } from '../protocol/line.ts';
import { exitStatuses } from '../src/cli/exit-status.ts';
import { program } from '../src/cli/program.ts';
import { tryCommand } from '../src/cli/try-command.ts';
import { tryTable } from '../src/cli/try-table.ts';
import type { Protocol } from '../src/dialogue/protocol.ts';
import { type ErrorCode, errorTable } from '../src/errors.ts';
import { Session } from '../src/net/session.ts';
import { defaults } from '../src/options.ts';
import { proxyDefaults } from '../src/proxy.ts';
import { environmentOf } from '../src/run/command-application.ts';
import {
  anchors,
  code,
  type Document,
  document,
  documents,
  prose,
  section,
  table,
} from './support/document.ts';
import { folderWith, removeFolders } from './support/folder.ts';
import { interopClients } from './support/interop-clients.ts';
import { farewellRow, protocolFacts, protocolRow, replyRow } from './support/reference.ts';
import { FROM_SOURCE, ROOT } from './support/root.ts';
import { SCENE, Stage, TLS } from './support/stage.ts';
import { typeErrors } from './support/type-check.ts';
import { WireClient } from './support/wire-client.ts';

const all = documents();
const readme = document('README.md');
const serveGuide = document('docs/guide/serve.md');

/** Where the README has a user's certificate for development. */
const CA_FILE = '/home/you/.local/state/sallyport/ca.pem';

describe('documentation', () => {
  after(removeFolders);

  it('has a document for every protocol, and for no other', () => {
    const files = readdirSync(join(ROOT, 'docs/protocol'));
    expect(files.sort()).to.deep.equal(protocols.map(({ name }) => `${name}.md`).sort());
  });

  it('leads to every document from the README', () => {
    const found = new Set([readme.file]);
    for (const file of found) {
      for (const [, target = ''] of prose(document(file)).matchAll(/\]\((?!https:)([^)#\s]+\.md)/g)) {
        found.add(join(dirname(file), target));
      }
    }
    expect([...found].sort()).to.deep.equal(all.map(({ file }) => file).sort());
  });

  describe('of every kind', testEveryDocument);
  describe('README.md', testReadme);
  describe('docs/guide', testGuides);
  describe('docs/reference/errors.md', testErrors);
  describe('docs/reference/options.md', testOptions);
  describe('docs/reference/command.md', testCommand);
  describe('docs/security.md', testSecurity);
  describe('docs/design.md', testDesign);
  describe('docs/CHANGELOG.md', testChangelog);
  for (const protocol of protocols) {
    describe(`docs/protocol/${protocol.name}.md`, () => testProtocol(protocol));
  }
});

function testEveryDocument(): void {
  for (const doc of all) {
    it(`${doc.file} has links that lead somewhere`, () => {
      for (const [, target = ''] of prose(doc).matchAll(/\]\(([^)\s]+)\)/g)) {
        expect(faultOfLink(doc, target), `${doc.file}: ${target}`).to.equal(undefined);
      }
    });

    it(`${doc.file} names files that are there`, () => {
      for (const [, path = ''] of prose(doc).matchAll(/`((?:src|test|protocol|docs|\.ci)\/[\w./-]*)`/g)) {
        expect(existsSync(join(ROOT, path)) || /NAME/.test(path), path).to.equal(true);
      }
    });

    it(`${doc.file} names scripts and options that are there`, () => {
      const { scripts }: { scripts: Record<string, string> } = packageJson();
      for (const [, script = ''] of doc.text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)) {
        expect(scripts).to.have.property(script);
      }
      const flags = new Set(program().commands.flatMap(({ options }) => options.map(({ long }) => long)));
      for (const [, flag = ''] of prose(doc).matchAll(/(?:sallyport \w+ [^`\n]*|`)(--[a-z-]+)/g)) {
        expect(flags.has(flag) || /^--(import|help|quick)$/.test(flag), flag).to.equal(true);
      }
    });

    it(`${doc.file} names no place or habit of the machine it was written on`, () => {
      expect(doc.text).to.not.match(/(^|[\s`'"(=])\/(work|root|tmp|home\/(?!you\/))/);
      expect(doc.text).to.not.match(/registry\.|:4873|\.npmrc|mirror/i);
      expect(doc.text).to.not.match(/\b(AI|LLM|agents?|prompts?|sub-?tasks?|briefs?)\b/i);
    });
  }
}

/** Why a link leads nowhere; `undefined` if it does lead somewhere, or out of the repository. */
function faultOfLink({ file }: Document, target: string): string | undefined {
  if (/^https:\/\//.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const to = path === '' ? file : join(dirname(file), path);
  if (to.startsWith('..') || !existsSync(join(ROOT, to))) return 'no such file';
  if (anchor === undefined) return undefined;
  if (statSync(join(ROOT, to)).isDirectory()) return 'a folder has no anchors';
  return anchors(document(to)).includes(anchor) ? undefined : 'no such heading';
}

function testReadme(): void {
  it('shows the table that the command prints', () => {
    const rows = protocols.flatMap(protocol => {
      const port = 20_000 + protocol.port;
      const ways = protocol.usualPolicy === 'auto' ? [false, true] : [false];
      return ways.map(implicit => {
        const command = tryCommand({ protocol, host: '127.0.0.1', port, implicit, caFile: CA_FILE });
        return { protocol: protocol.name, address: `127.0.0.1:${port}`, command };
      });
    });
    expect(readme.blocks.map(({ text }) => text)).to.include(`${tryTable(rows)}\n`);
    expect(Number(serveCommand().opts()['portOffset'])).to.equal(20_000);
  });

  it('quotes a command of that table, and how it ends', () => {
    const at = readme.blocks.findIndex(({ text }) => text.startsWith('openssl s_client'));
    const [shown, output] = [readme.blocks[at - 1]?.text, readme.blocks[at + 1]?.text];
    expect(shown).to.contain(`  ${readme.blocks[at]?.text}`);
    expect(output).to.contain('\nVerify return code: 0 (ok)\n');
  });

  it('has the facts of every protocol in its table, and no other', async () => {
    const clients = await interopClients();
    expect(table(readme, 'Protocol', 'Upgrade')).to.deep.equal(
      protocols.map(protocol => protocolRow(protocol, clients.get(protocol.name) ?? [])),
    );
  }).timeout(60_000);

  it('says the least version of Node as the package does', () => {
    expect(readme.text).to.contain(`Node ${packageJson().engines.node.replace('>=', '')} or newer`);
  });

  it('has an example of at most 15 lines, which runs', testReadmeExample).timeout(60_000);
}

/** Only the port is another, as tests run beside each other. */
async function testReadmeExample(): Promise<void> {
  const [example] = readme.blocks.filter(({ language }) => language === 'js');
  expect(example?.text.split('\n').length).to.be.within(5, 16);
  expect(example?.text).to.contain('port: 8028');
  const index = pathToFileURL(join(ROOT, FROM_SOURCE ? 'src/index.ts' : 'dist/src/index.js')).href;
  const text = (example?.text ?? '').replace("'sallyport'", `'${index}'`).replace('port: 8028', 'port: 0');
  const folder = await folderWith({ 'example.mjs': text });
  const loader = FROM_SOURCE ? ['--no-warnings', '--import', 'tsx'] : [];
  const child = spawn(process.execPath, [...loader, join(folder, 'example.mjs')], {
    cwd: ROOT,
    env: { ...process.env, XDG_STATE_HOME: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await converseWithExample(child, join(folder, 'sallyport', 'ca.pem'));
  } finally {
    child.kill();
  }
}

async function converseWithExample(child: ChildProcess, caFile: string): Promise<void> {
  if (child.stdout === null) throw new Error('no pipe');
  const [printed] = await once(child.stdout, 'data');
  const command = String(printed).trim();
  const port = Number(/localhost:(\d+)/.exec(command)?.[1]);
  const host = '127.0.0.1';
  expect(command).to.equal(tryCommand({ protocol: line, host, port, implicit: false, caFile }));
  const client = await WireClient.connect(port);
  await client.until(/^OK .* Sallyport ready\r\n/);
  client.say('STARTTLS\r\n');
  await client.until('OK Begin TLS\r\n');
  await client.startTls({ ca: readFileSync(caFile, 'utf8') });
  await client.until('OK 127.0.0.1 over TLSv1.3\r\n');
  client.say('hello\r\nQUIT\r\n');
  await client.until('OK HELLO\r\n');
  await client.end();
  client.destroy();
}

function testGuides(): void {
  const guides = all.filter(({ file }) => file.startsWith('docs/guide/'));

  it('show TypeScript from the examples, or such as the compiler takes', () => {
    const examples = readdirSync(join(ROOT, 'docs/examples')).map(name =>
      readFileSync(join(ROOT, 'docs/examples', name), 'utf8'),
    );
    const blocks = guides.flatMap(guide => guide.blocks.filter(({ language }) => language === 'ts'));
    const own = blocks.filter(({ text }) => !examples.some(example => contains(example, text)));
    expect(blocks.length).to.be.greaterThan(own.length).and.greaterThan(5);
    expect(typeErrors(own.map(({ text }) => text))).to.deep.equal([]);
  }).timeout(60_000);

  it('show commands that the command line takes', () => {
    // Those of the probe are run: test/docs/probe-guide.test.ts.
    const commands = guides
      .filter(({ file }) => file !== 'docs/guide/probe.md')
      .flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'sh'));
    for (const { text } of commands) {
      if (/^(openssl s_client|curl|psql|docker|kubectl) /.test(text)) continue;
      const [sallyport, name, ...args] = words(text);
      expect(sallyport).to.equal('sallyport');
      const { unknown, operands } = commandNamed(name ?? '').parseOptions(args);
      expect(unknown).to.deep.equal([]);
      const files = /^\S+\.yaml$/;
      expect(protocols.map(({ name }) => name)).to.include.members(
        operands.filter(each => !files.test(each)),
      );
    }
  });

  it('name every variable of the environment, and no other', () => {
    const names = table(serveGuide, 'Variable', 'Holds').map(([name]) => code(name));
    expect(names).to.deep.equal(Object.keys(environmentOf(sessionOfAlice())));
  });

  it('name every exit status, and no other', () => {
    const rows = table(serveGuide, 'Status', 'Name').map(([status, name]) => [name, Number(status)]);
    expect(rows).to.deep.equal([...Object.entries(exitStatuses), ['', 130], ['', 143]]);
    const signals = readFileSync(join(ROOT, 'src/cli/drain-on-signal.ts'), 'utf8');
    expect(signals).to.contain('{ SIGINT: 130, SIGTERM: 143 }');
  });

  it('name every policy', () => {
    const { argChoices } = optionOf('--tls');
    expect(table(serveGuide, '`--tls`', 'Means').map(([policy]) => code(policy))).to.deep.equal(argChoices);
  });

  it('show lines of the log that have the fields of one', () => {
    const lines = section(serveGuide, '## Logs').blocks.map(({ text }) => JSON.parse(text));
    const source = readFileSync(join(ROOT, 'src/net/session-end.ts'), 'utf8');
    expect(lines.length).to.equal(2);
    for (const fields of lines) {
      for (const field of Object.keys(fields)) {
        expect(/^(level|time|msg)$/.test(field) || new RegExp(`\\b${field}\\b`).test(source), field).to.equal(
          true,
        );
      }
      if (fields.code !== undefined)
        expect(errorTable[fields.code as ErrorCode].blame).to.equal(fields.blame); // JSON
    }
  });

  it('name every event of a server, and no other', () => {
    const embed = document('docs/guide/embed.md');
    const events = table(embed, 'Event', 'Its listeners get').map(([event]) => code(event));
    expect(events.sort()).to.deep.equal([...membersOf('src/server.ts', 'ServerEvents')].sort());
  });
}

/** Whether `text` stands in a file, at whatever depth. */
function contains(file: string, text: string): boolean {
  const flat = (source: string) =>
    source
      .split('\n')
      .map(each => each.trim())
      .join('\n');
  return flat(file).includes(flat(text).trim());
}

/** A command line's words, quotes taken off. */
function words(command: string): readonly string[] {
  return [...command.trim().matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** A session of which everything is known. */
function sessionOfAlice(): Session {
  const clientCertificate = { subject: 'CN=alice', altNames: 'DNS:a', fingerprint: 'AB:CD', verified: true };
  const stream = new Duplex() as unknown as Session['stream']; // nobody reads it
  const peer = { address: '192.0.2.1', port: 1 };
  const tls = { ...TLS, group: 'X25519', alpn: 'imap', clientCertificate };
  const facts = { id: 'a-1', protocol: 'imap', introduction: undefined, hostname: SCENE.hostname };
  return new Session({ ...facts, stream, peer, tls });
}

function testErrors(): void {
  it('has every error as the table of the code has it, and no other', () => {
    const rows = table(
      document('docs/reference/errors.md'),
      'Code',
      'Blame',
      'Message',
      'When',
      'What to do',
    );
    expect(rows.map(row => [code(row[0]), row[1], row[2]])).to.deep.equal(
      Object.entries(errorTable).map(([name, { blame, message }]) => [name, blame, message]),
    );
    for (const row of rows) expect(row.filter(cell => cell !== '').length, row[0]).to.equal(5);
  });

  it('is the only place that names errors, besides documents that name those which there are', () => {
    for (const { file, text } of all) {
      for (const [name] of text.matchAll(/\bERR_[A-Z_]+\b/g)) expect(errorTable, file).to.have.property(name);
    }
  });
}

function testOptions(): void {
  const reference = document('docs/reference/options.md');
  const interfaces: readonly (readonly [string, string])[] = [
    ['ServerOptions', 'src/options.ts'],
    ['AcmeOptions', 'src/acme/acme-options.ts'],
    ['CertificateStoreOptions', 'src/certificates/certificate-store.ts'],
    ['TicketKeysOptions', 'src/net/ticket-keys.ts'],
    ['AdminOptions', 'src/admin/admin.ts'],
    ['ListenOptions', 'src/net/listener.ts'],
    ['UpstreamTls', 'src/net/upstream-dialler.ts'],
    ['LinesOptions', 'src/net/lines.ts'],
    ['UpgradeOptions', 'src/net/upgrade.ts'],
    ['LineProtocolOptions', 'src/dialogue/line-protocol.ts'],
  ];
  for (const [name, file] of interfaces) {
    it(`has every option of ${name}, and no other`, () => {
      const rows = table(section(reference, `## ${name}`), 'Option', 'Default', 'Unit', 'Means');
      expect(rows.map(([option]) => code(option))).to.deep.equal(membersOf(file, name));
      for (const row of rows) expect(row.filter(cell => cell !== '').length, row[0]).to.equal(4);
    });
  }

  it('has every option of ProxyOptions that is not one of ServerOptions, and its defaults', () => {
    const source = readFileSync(join(ROOT, 'src/proxy.ts'), 'utf8');
    const [, body = ''] =
      /interface ProxyOptions extends ServerOptions \{\n([\s\S]*?)\n\}/.exec(source) ?? [];
    const own = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, option]) => option);
    const rows = table(section(reference, '## ProxyOptions'), 'Option', 'Default', 'Unit', 'Means');
    expect(rows.map(([option]) => code(option))).to.deep.equal([...own, 'idleTimeout']);
    const shown = rows.filter(([, preset]) => /^`\d+`$/.test(preset ?? ''));
    expect(
      Object.fromEntries(shown.map(([name, preset]) => [code(name), Number(code(preset))])),
    ).to.deep.equal(proxyDefaults);
  });

  it('has every default, and says which must be given', () => {
    const rows = table(section(reference, '## ServerOptions'), 'Option', 'Default');
    const shown = rows
      .filter(([, preset]) => preset?.startsWith('`'))
      .map(([option, preset]) => [code(option), JSON.parse(code(preset))]);
    expect(Object.fromEntries(shown)).to.deep.equal(defaults);
    const needed = rows.filter(([, preset]) => preset === 'must be given').map(([option]) => code(option));
    expect(needed).to.deep.equal(['certificate', 'protocol']);
  });
}

/** The members of an interface, those of what it extends first. */
function membersOf(file: string, name: string): readonly string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const [, extended, body = ''] =
    new RegExp(`interface ${name}(?: extends (\\w+))? \\{\\n([\\s\\S]*?)\\n\\}`).exec(source) ?? [];
  const own = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??: /gm)].map(([, member = '']) => member);
  if (extended === undefined) return own;
  const [, from = ''] = new RegExp(`import .*\\b${extended}\\b.* from '(.*)'`).exec(source) ?? [];
  return [...membersOf(from === '' ? file : join(dirname(file), from), extended), ...own];
}

function testCommand(): void {
  const quoted = document('docs/reference/command.md').blocks;
  for (const [name, command] of Object.entries({
    sallyport: program,
    'sallyport serve': serveCommand,
    'sallyport proxy': proxyCommand,
    'sallyport probe': () => commandNamed('probe'),
    'sallyport run': () => commandNamed('run'),
    'sallyport check': () => commandNamed('check'),
  })) {
    it(`quotes the help of ${name}`, () => {
      const [block] = quoted.filter(({ comment }) => comment === `help: ${name}`);
      expect(block?.text).to.equal(`${helpOf(command).trimEnd()}\n`);
    });
  }

  it('quotes no other help', () => {
    expect(quoted.length).to.equal(1 + program().commands.length);
  });
}

/** As it is printed where standard error is no terminal, 80 columns wide. */
function helpOf(command: () => Command): string {
  const { isTTY } = process.stderr;
  let help = '';
  const write = (text: string) => {
    help += text;
  };
  try {
    process.stderr.isTTY = false;
    command()
      .configureOutput({ writeOut: write, getOutHelpWidth: () => 80 })
      .outputHelp();
  } finally {
    process.stderr.isTTY = isTTY;
  }
  return help;
}

function serveCommand(): Command {
  return commandNamed('serve');
}

function proxyCommand(): Command {
  return commandNamed('proxy');
}

function commandNamed(name: string): Command {
  const command = program().commands.find(each => each.name() === name);
  if (command === undefined) throw new Error(`there is no ${name}`);
  return command;
}

function optionOf(flag: string) {
  const option = serveCommand().options.find(({ long }) => long === flag);
  if (option === undefined) throw new Error(`there is no ${flag}`);
  return option;
}

function testSecurity(): void {
  const doc = document('docs/security.md');
  const rows = [...doc.text.matchAll(/^\| (?!Attack|---)(.*) \|$/gm)].map(([, row = '']) => row.split(' | '));

  it('has, for each attack, what stops it, a file and a test', () => {
    expect(rows.length).to.be.greaterThan(20);
    for (const row of rows) {
      expect(row.length, row[0]).to.equal(4);
      expect(row[2], row[0]).to.match(/`(src|protocol)\//);
      expect(row[3], row[0]).to.match(/`test\//);
    }
  });

  it('names tests that are there', () => {
    for (const [attack, , , tests = ''] of rows) {
      for (const [, file = '', title] of tests.matchAll(/`(test\/[^`]+)`(?:: "([^"]+)")?/g)) {
        expect(title !== undefined || file.endsWith('.txt'), `${attack}: ${file} without a title`).to.equal(
          true,
        );
        const source = readFileSync(join(ROOT, file), 'utf8');
        if (title !== undefined) expect(beginsText(source, title), `${file}: ${title}`).to.equal(true);
      }
    }
  });
}

/** Whether a string in the source begins with `text`. */
function beginsText(source: string, text: string): boolean {
  return ["'", '"', '`'].some(quote => source.includes(quote + text));
}

function testDesign(): void {
  const design = document('docs/design.md');

  it('names the actions of the machine', () => {
    const source = readFileSync(join(ROOT, 'src/dialogue/action.ts'), 'utf8');
    const [type = ''] = /export type Action =[\s\S]*?;\n(?=\n|$)/.exec(source) ?? [];
    const kinds = [...type.matchAll(/kind: '(\w+)'/g)].map(([, kind = '']) => kind);
    expect(table(design, 'Action').map(([action]) => code(action))).to.deep.equal(kinds);
  });

  it('names the questions that a dialogue may ask of its scene', () => {
    const source = readFileSync(join(ROOT, 'src/dialogue/protocol.ts'), 'utf8');
    for (const [, name] of source.matchAll(/^export function (\w+)/gm))
      expect(design.text).to.contain(`\`${name}\``);
  });

  it('is written for all who write a protocol: the guide names the calls and the questions as well', () => {
    const guide = document('docs/guide/writing-a-protocol.md');
    const calls = (doc: Document, head: string) =>
      new Set(
        table(doc, head).flatMap(([cell = '']) => [...cell.matchAll(/(\w+)\(/g)].map(([, name]) => name)),
      );
    expect(calls(guide, 'Call')).to.deep.equal(calls(design, 'Call'));
    const source = readFileSync(join(ROOT, 'src/dialogue/protocol.ts'), 'utf8');
    const questions = [...source.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
    expect([...calls(guide, 'Of the scene')]).to.include.members(questions);
    const [terms = ''] =
      /interface StartTlsOptions \{[\s\S]*?\n\}/.exec(
        readFileSync(join(ROOT, 'src/dialogue/peer.ts'), 'utf8'),
      ) ?? [];
    for (const [, term] of terms.matchAll(/^ {2}readonly (\w+)\?/gm))
      expect(guide.text).to.contain(`\`${term}\``);
  });

  it('names the functions of a protocol', () => {
    const source = readFileSync(join(ROOT, 'src/dialogue/protocol.ts'), 'utf8');
    const [body = ''] = /interface Protocol \{[\s\S]*?\n\}/.exec(source) ?? [];
    const functions = [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name);
    const named = table(design, 'Function').map(([call]) => /^\w+/.exec(code(call))?.[0]);
    expect(named).to.deep.equal(functions);
  });

  it('names the calls of a peer', () => {
    const source = readFileSync(join(ROOT, 'src/dialogue/peer.ts'), 'utf8');
    const [body = ''] = /export class Peer \{[\s\S]*?\n\}/.exec(source) ?? [];
    // A method of two forms is one.
    const methods = [...new Set([...body.matchAll(/^ {2}\*?(\w+)\(/gm)].map(([, name = '']) => name))];
    const calls = table(design, 'Call').flatMap(([cell = '']) => [...cell.matchAll(/\.(\w+)\(/g)]);
    const named = calls.map(([, name = '']) => name);
    expect(named.sort()).to.deep.equal(methods.filter(name => name !== 'constructor').sort());
  });
}

function testChangelog(): void {
  it('has an entry for the version of the package', () => {
    const { version } = packageJson();
    const entries = [...document('docs/CHANGELOG.md').text.matchAll(/^## (\S+)/gm)].map(([, entry]) => entry);
    expect(entries[0]).to.equal(version);
  });

  it('names every protocol', () => {
    const { text } = document('docs/CHANGELOG.md');
    for (const { name } of protocols) expect(text).to.match(new RegExp(`\\b${name}\\b`));
  });
}

function testProtocol(protocol: Protocol): void {
  const doc = document(`docs/protocol/${protocol.name}.md`);

  it('has the facts of the registry', () => {
    expect(doc.text).to.contain(`\n${protocolFacts(protocol).join('\n')}\n`);
  });

  it('quotes its transcripts as they are', () => {
    const quoted = doc.blocks.filter(({ comment }) => comment.startsWith('transcript: '));
    expect(quoted.length).to.equal(doc.blocks.length).and.greaterThan(0);
    for (const { comment, text } of quoted) {
      const file = comment.replace('transcript: ', '');
      expect(dirname(file)).to.equal(protocol.name);
      expect(text).to.equal(readFileSync(join(ROOT, 'test/transcripts', file), 'utf8'));
    }
  });

  it('says what is answered as it is answered', () => {
    const rows = table(doc, 'Command', 'Before TLS', 'Under TLS');
    expect(rows).to.deep.equal(rows.map(([command = '']) => replyRow(protocol, command)));
  });

  it('says the last words as they are said', () => {
    const rows = table(doc, 'Error', 'Farewell');
    expect(rows).to.deep.equal(rows.map(([error]) => farewellRow(protocol, code(error) as ErrorCode))); // of the table
  });

  it('says how long a command line may be', () => {
    const [, unit, digits] =
      /A (command line|request line|tag|packet|message) has at most (\d+) bytes/.exec(doc.text) ?? [];
    const limit = Number(digits);
    expect(limit).to.be.greaterThan(0);
    // Its length comes first: its transcripts show what is too long.
    if (unit === 'packet' || unit === 'message') return;
    const commandOf = (length: number) => Buffer.from(`${'A'.repeat(length - 2)}\r\n`);
    expect(new Stage(protocol).start().say(commandOf(limit)).close?.error?.code).to.not.equal(
      'ERR_LINE_TOO_LONG',
    );
    expect(new Stage(protocol).start().say(commandOf(limit + 1)).close?.error?.code).to.equal(
      'ERR_LINE_TOO_LONG',
    );
  });
}

function packageJson() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}
