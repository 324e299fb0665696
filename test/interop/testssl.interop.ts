import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { inParallel } from '../support/speak.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

/** A shell script that takes minutes for all of its checks, where there is little to compute with. */
const PATIENCE = 900_000;
const AT_ONCE = 2;

const FILES = '/etc/testssl';
const CIPHER_NAMES = 'cipher-mapping.txt';

/** So each protocol is asked for its versions only, and one for what lies in the TLS that all of them share. */
const VERSIONS = ['--protocols'];
const WEAKNESSES = ['--std', '--heartbleed', '--ccs-injection', '--renegotiation'];
const THOROUGH = 'smtp';

describeClient('testssl', testTestssl);

function testTestssl(): void {
  const servers = useServers();
  /** What --starttls of testssl.sh 3.0 knows, of what we speak. */
  const known = protocolsNamed(
    ...['smtp', 'lmtp', 'pop3', 'imap', 'ftp', 'nntp', 'xmpp', 'postgres', 'mysql'],
  );
  const scans = new Map<string, Scan>();

  before('testssl scans all of them', function () {
    this.timeout(PATIENCE * known.length);
    provideFiles(servers.path('nameless'));
    return inParallel(known.length, AT_ONCE, async index => {
      const name = known[index]?.name ?? '';
      scans.set(name, await scan(servers, name));
    });
  });

  for (const { name } of known) {
    it(`finds no fault with ${name}`, () => {
      const { findings = [], transcript } = scans.get(name) ?? {};
      const faults = findings.filter(each => !isHarmless(each) && !ABOUT_ITSELF.includes(each.id));
      expect(faults, transcript).to.deep.equal([]);
      const versions = findings.filter(({ id }) => VERSION.test(id));
      expect(versions.length, transcript).to.equal(6);
      const offered = versions.filter(({ finding }) => /^offered/.test(finding)).map(({ id }) => id);
      expect(offered, transcript).to.deep.equal(['TLS1_2', 'TLS1_3']);
    });
  }

  it(`finds only strong ciphers, and none of the weaknesses that are asked for, in ${THOROUGH}`, () => {
    const { findings = [], transcript } = scans.get(THOROUGH) ?? {};
    const verdicts = Object.fromEntries(findings.map(({ id, severity }) => [id, severity]));
    expect(verdicts, transcript).to.include({
      cipherlist_NULL: 'OK',
      cipherlist_aNULL: 'OK',
      cipherlist_EXPORT: 'OK',
      cipherlist_LOW: 'OK',
      cipherlist_3DES_IDEA: 'INFO',
      cipherlist_AVERAGE: 'INFO',
      cipherlist_STRONG: 'OK',
      heartbleed: 'OK',
      CCS: 'OK',
      secure_renego: 'OK',
      secure_client_renego: 'OK',
    });
  });
}

/**
 * testssl's own, without the names of ciphers: to look through them takes it longer than to ask for the versions,
 * for which it does not need them.
 */
function provideFiles(folder: string): void {
  mkdirSync(folder);
  for (const name of readdirSync(FILES)) {
    symlinkSync(name === CIPHER_NAMES ? '/dev/null' : join(FILES, name), join(folder, name));
  }
}

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

interface Scan {
  readonly findings: readonly Finding[];
  readonly transcript: string;
}

const VERSION = /^(SSLv2|SSLv3|TLS1|TLS1_[123])$/;

/** It misses an OpenSSL with GOST. */
const ABOUT_ITSELF = ['engine_problem'];

/** LOW is a fault as well, and so is WARN: a check that could not be made. */
function isHarmless({ severity }: Finding): boolean {
  return severity === 'OK' || severity === 'INFO';
}

async function scan(servers: Servers, name: string): Promise<Scan> {
  const report = servers.path(`testssl-${name}.json`);
  const manners = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--ip', '127.0.0.1'];
  const tls = ['--openssl', '/usr/bin/openssl', '--starttls', name, '--jsonfile', report];
  const checks = name === THOROUGH ? [...VERSIONS, ...WEAKNESSES] : VERSIONS;
  const env = { TESTSSL_INSTALL_DIR: name === THOROUGH ? FILES : servers.path('nameless') };
  const args = [...manners, ...tls, ...checks, `localhost:${servers.port(name)}`];
  const { transcript } = await runClient('testssl', args, { timeout: PATIENCE, env });
  return { findings: findingsOf(report), transcript };
}

/** None where it was ended before it had written all: the transcript tells why. */
function findingsOf(report: string): readonly Finding[] {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return [];
  }
}
