import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { protocols } from '../../protocol/index.ts';
import type { Configuration } from '../../src/config/configuration.ts';
import { mistakeText } from '../../src/config/mistake.ts';
import { type ReadConfiguration, readConfiguration, readText } from '../../src/config/read-configuration.ts';
import { SallyportError } from '../../src/errors.ts';
import {
  configurationFolder,
  configurations,
  ENVIRONMENT,
  withStateFolder,
} from '../support/configuration-files.ts';
import { documents } from '../support/document.ts';
import { removeFolders } from '../support/folder.ts';
import { expectGolden } from '../support/golden.ts';
import { ROOT } from '../support/root.ts';
import { scaled } from '../support/scale.ts';

describe('src/config/read-configuration', () => {
  let folder: string;
  let restore: () => void;

  before(async () => {
    folder = await configurationFolder();
    restore = withStateFolder(folder);
  });
  after(async () => {
    restore();
    await removeFolders();
  });

  function read(name: string, text: string): Promise<ReadConfiguration> {
    return readText(join(folder, name), text, { protocols, environment: ENVIRONMENT });
  }

  async function good(text: string): Promise<Configuration> {
    const { configuration, mistakes } = await read('good.yaml', text);
    expect(mistakes.map(mistakeText)).to.deep.equal([]);
    if (configuration === undefined) throw new Error('no configuration');
    return configuration;
  }

  it('says of each broken file what is wrong, where, and what would be right', async () => {
    const all = await configurations('broken');
    expect(all.size).to.be.greaterThan(30);
    const told = [];
    for (const [name, text] of all) {
      const { configuration, mistakes } = await read(`${name}.yaml`, text);
      expect(configuration, name).to.equal(undefined);
      const lines = mistakes.map(mistake =>
        mistakeText(mistake)
          .replaceAll(`${folder}/`, '')
          .replace(/ on [^;]* GMT/, ' on DATE'),
      );
      expect(lines.length, name).to.be.greaterThan(0);
      told.push(`${lines.join('\n')}\n`);
    }
    expectGolden('config/broken/mistakes.txt', told.join('\n'));
  });

  it('points at the very place that is wrong', async () => {
    for (const line of readFileSync(join(ROOT, 'test/config/broken/mistakes.txt'), 'utf8').split('\n')) {
      const [, name = '', row, column, key, value] =
        /^(\S+):(\d+):(\d+): (?:there is no key "([^"\\]+)"|(?:item \d+ of )?"[^"]+" is "([^"\\]+)")/.exec(
          line,
        ) ?? [];
      const found = key ?? value;
      if (found === undefined) continue;
      const text = readFileSync(join(ROOT, 'test/config/broken', name), 'utf8').split('\n')[Number(row) - 1];
      const there = text?.slice(Number(column) - 1).replace(/^["']/, '');
      expect(there?.startsWith(found), `${line}: ${there}`).to.equal(true);
    }
  });

  it('takes every key, and reads all files that it names', async () => {
    const text = (await configurations('good')).get('every-key') ?? '';
    const { listeners, limits, redis, admin, identity, log, drain, ticketSecret } = await good(text);
    expect(listeners.map(({ name, options }) => `${options.protocol.name} ${name}`)).to.deep.equal([
      'smtp 127.0.0.1:25',
      'smtp [::1]:587',
      'smtp /run/sallyport/smtp.sock',
      'postgres 127.0.0.1:5432',
      'line 127.0.0.1:0',
      'line systemd:line',
      'ftp 127.0.0.1:21',
    ]);
    const [smtp, , , postgres, line] = listeners;
    const { protocol, ...options } = smtp?.options ?? {};
    expect(options).to.deep.equal({
      tls: 'required',
      clientCertificate: 'require',
      clientSubjects: ['*.example.org', 'Alice'],
      unknownName: 'refuse',
      minVersion: 'TLSv1.3',
      alpn: [],
      hostname: 'mx.example.org',
      capabilities: ['SIZE 1000'],
      plaintextAfterUpgrade: 'discard',
      badCommands: 3,
      proxyFrom: ['10.0.0.0/8', '2001:db8::/32', 'unix:'],
      detectTimeout: 1000,
      proxyTimeout: 2000,
      commandTimeout: 60_000,
      dialogueTimeout: 120_000,
      handshakeTimeout: 1500,
      idleTimeout: 0,
    });
    expect(smtp?.certificates).to.deep.equal({
      sources: [{ cert: join(folder, 'state/sallyport/server.pem') }],
      ocsp: false,
      ca: join(folder, 'ca.pem'),
      crl: [join(folder, 'ca.crl')],
    });
    expect(smtp?.destination).to.deep.equal({ kind: 'module', file: join(folder, 'application.mjs') });
    const [cert, key] = [join(folder, 'mail.pem'), join(folder, 'encrypted.key')];
    const passphraseFile = join(folder, 'passphrase');
    expect(postgres?.certificates).to.deep.equal({
      sources: [
        { cert, key: join(folder, 'mail.key') },
        { cert, key, passphraseFile },
        { cert, key, passphrase: ENVIRONMENT.PASSPHRASE },
        { directory: join(folder, 'live'), passphraseFile },
      ],
      ocsp: false,
    });
    expect(String(ticketSecret)).to.equal('x'.repeat(48));
    const { destination } = postgres ?? {};
    if (destination?.kind !== 'upstream') throw new Error('no upstream');
    const { toTls, ...upstream } = destination.options;
    expect(upstream).to.deep.equal({
      to: [
        { host: '10.0.0.5', port: 5432 },
        { path: '/run/db.sock', servername: '*.example.org' },
        { host: '::1', port: 5433 },
      ],
      sendProxy: 'v2',
      connectTimeout: 1000,
      upstreamTimeout: 10_000,
    });
    expect(toTls).to.include({ mode: 'upgrade', servername: 'db.example.org', verify: false });
    expect(line?.destination).to.deep.equal({ kind: 'command', command: `tr a-z "\${UPPER}"` });
    const ftp = listeners.at(-1)?.destination;
    expect(ftp?.kind === 'upstream' && ftp.options).to.deep.include({
      dataPorts: { from: 50_000, to: 50_100 },
      dataAddress: '192.0.2.7',
    });
    // Of one listener: counted together.
    expect(listeners[1]?.limits).to.equal(smtp?.limits);
    expect(smtp?.limits).to.deep.equal({
      maxConnections: 500,
      maxPerAddress: 5,
      connectionsPerMinute: 60,
      handshakesPerMinute: 30,
      trusted: ['::1'],
    });
    expect(line?.limits).to.equal(undefined);
    expect({ limits, redis, admin, identity, log, drain }).to.deep.equal({
      limits: {
        maxConnections: 1000,
        maxPerAddress: 10,
        connectionsPerMinute: 600,
        handshakesPerMinute: 300,
        trusted: ['192.0.2.0/24', 'unix:'],
      },
      redis: 'redis://10.0.0.9:6379/1',
      admin: { address: { host: '0.0.0.0', port: 9464 }, token: 'correct-horse-battery-staple' },
      identity: { user: 'mail', group: '8' },
      log: { level: 'warn', format: 'json' },
      drain: 3_600_000,
    });
  });

  it('fills in what is left out, by the protocol and the port', async () => {
    const text = (await configurations('good')).get('smallest') ?? '';
    const { listeners, log } = await good(text);
    expect(listeners.map(({ options }) => options.tls)).to.deep.equal(['required', 'optional', 'auto']);
    expect(listeners.map(({ name }) => name)).to.deep.equal([
      '127.0.0.1:2525',
      'localhost:25',
      '127.0.0.1:8080',
    ]);
    expect(listeners.map(({ destination }) => destination.kind)).to.deep.equal(['none', 'none', 'none']);
    expect(listeners.map(({ options }) => options.unknownName)).to.deep.equal(Array(3).fill('default'));
    expect(listeners.map(({ certificates }) => certificates.ocsp)).to.deep.equal([true, true, true]);
    expect(log.level).to.equal('info');
  });

  it('takes every configuration that the documents show', async () => {
    const blocks = documents().flatMap(({ file, blocks }) =>
      blocks
        .filter(({ language, text }) => language === 'yaml' && /^listeners:/m.test(text))
        .map(({ text }) => ({ file, text })),
    );
    expect(blocks.length).to.be.greaterThan(0);
    for (const { file, text } of blocks) {
      const here = text.replace(/\/etc\/\S*\//g, `${folder}/`);
      const { mistakes } = await read('shown.yaml', here);
      expect(mistakes.map(mistakeText), file).to.deep.equal([]);
    }
  });

  it('says so of a file that cannot be read', async () => {
    const { mistakes } = await readConfiguration('nowhere/sallyport.yaml', { protocols });
    expect(mistakes.map(mistakeText)).to.deep.equal([
      'nowhere/sallyport.yaml: cannot be read (ENOENT); name a YAML file',
    ]);
  });

  it('reads the environment of the process where no other is given', async () => {
    const text = `certificates: development\nlisteners: [{ protocol: smtp, address: "\${NOT_SET_ANYWHERE}:25" }]\n`;
    const { mistakes } = await readText('x.yaml', text, { protocols });
    expect(mistakes.map(({ found }) => found)).to.deep.equal([
      'the environment has no variable NOT_SET_ANYWHERE',
    ]);
  });

  it('says so where there is no folder for the certificate for development', async () => {
    const text = 'certificates: development\nlisteners: [{ protocol: smtp, address: 127.0.0.1:25 }]\n';
    const state = process.env['XDG_STATE_HOME'];
    process.env['XDG_STATE_HOME'] = join(folder, 'mail.pem');
    const { mistakes } = await read('x.yaml', text).finally(() => {
      process.env['XDG_STATE_HOME'] = state;
    });
    expect(mistakes.map(mistakeText).join()).to.match(
      /^\S+:1:15: \S+: no development authority \(.*\); see that its folder can be written$/,
    );
  });

  it('shows no secret', async () => {
    const secret = 'hunter2';
    const certificate = `{ cert: mail.pem, key: encrypted.key, passphrase: "${secret}" }`;
    const listed = `{ cert: mail.pem, passphrase: { file: mail.pem, value: ${secret} } }`;
    const text = `certificates: [${certificate}, ${listed}]\nlisteners: [{ protocol: smtp, address: 127.0.0.1:25 }]\n`;
    const { mistakes } = await read('x.yaml', text);
    expect(mistakes.length).to.be.greaterThan(0);
    expect(mistakes.map(mistakeText).join('\n')).to.not.contain(secret);
    const admin = `{ address: 127.0.0.1:9464, token: "${secret} ${secret}" }`;
    const { mistakes: shown } = await read('x.yaml', text.replace(/.*/, `admin: ${admin}`));
    expect(shown.map(mistakeText).join('\n')).to.contain('"token" has 15 characters').and.not.contain(secret);
    const { mistakes: typed } = await read('x.yaml', text.replace(`"${secret}"`, '12345678'));
    expect(typed.map(mistakeText).join('\n'))
      .to.contain('"passphrase" is a number')
      .and.not.contain('12345678');
  });

  it('comes to an end with any text, and throws nothing but documented errors', async () => {
    const [every = ''] = (await configurations('good')).values();
    const lines = every.split('\n');
    const spoilt = fc
      .array(
        fc.oneof(
          fc.constantFrom(...lines),
          fc.string(),
          fc.constantFrom('- ', '  ', '\t', '*a', '&a', '{', '['),
        ),
      )
      .map(parts => parts.join('\n'));
    await fc.assert(
      fc.asyncProperty(spoilt, async text => {
        try {
          const { configuration, mistakes } = await read('x.yaml', text);
          expect(configuration === undefined).to.equal(mistakes.length > 0);
        } catch (error) {
          if (!(error instanceof SallyportError)) throw error;
          throw new Error(`${error.code} for ${JSON.stringify(text)}`);
        }
      }),
      { numRuns: scaled(1000) },
    );
  });
});
