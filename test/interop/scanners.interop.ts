import { mkdirSync } from 'node:fs';
import { expect } from 'chai';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

describeClient('sslscan', testSslscan);
describeClient('nmap', testNmap);

function testSslscan(): void {
  /** sslscan 2.0.7 knows LDAP as well, but takes no server's answer: it looks for text behind the first NUL. */
  const options: Readonly<Record<string, readonly string[]>> = {
    smtp: ['--starttls-smtp'],
    pop3: ['--starttls-pop3'],
    imap: ['--starttls-imap'],
    ftp: ['--starttls-ftp'],
    irc: ['--starttls-irc'],
    mysql: ['--starttls-mysql'],
    postgres: ['--starttls-psql'],
    xmpp: ['--starttls-xmpp'],
    'xmpp-server': ['--starttls-xmpp', '--xmpp-server'],
  };
  const servers = useServers();
  for (const { name } of protocolsNamed(...Object.keys(options))) {
    it(`finds TLS 1.2 and 1.3, and only strong ciphers, in ${name}`, async () => {
      const place = `localhost:${servers.port(name)}`;
      const { stdout, transcript } = await runClient('sslscan', [
        '--no-colour',
        ...(options[name] ?? []),
        place,
      ]);
      const versions = [...stdout.matchAll(/^((?:SSL|TLS)v\S+) +enabled$/gm)].map(([, version]) => version);
      expect(versions, transcript).to.deep.equal(['TLSv1.2', 'TLSv1.3']);
      const ciphers = [...stdout.matchAll(/^(?:Preferred|Accepted) +\S+ +\d+ bits +(\S+)/gm)];
      expect(ciphers.length, transcript).to.be.at.least(6);
      for (const [line, cipher] of ciphers) expect(cipher, line).to.match(STRONG);
      expect(stdout, transcript).to.match(/^Session renegotiation not supported$/m);
      expect(stdout, transcript).to.match(/^Subject: +localhost$/m);
      expect(stdout, transcript).to.match(/^Issuer: +Interop CA$/m);
    });
  }
}

/** Of TLS 1.2 and 1.3, those with forward secrecy and authenticated encryption. */
const STRONG =
  /^(TLS_(AES_\d+_GCM|CHACHA20_POLY1305)_SHA\d+|ECDHE-ECDSA-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305))$/;

function testNmap(): void {
  /** By our names; nmap chooses its dialogue by that of the service. */
  const services: Readonly<Record<string, string>> = {
    smtp: 'smtp',
    lmtp: 'lmtp',
    pop3: 'pop3',
    imap: 'imap',
    ftp: 'ftp',
    nntp: 'nntp',
    ldap: 'ldap',
    mysql: 'mysql',
    postgres: 'postgresql',
    xmpp: 'xmpp',
  };
  const servers = useServers();
  const known = protocolsNamed(...Object.keys(services));
  let report = '';

  before('nmap scans all of them at once', async () => {
    report = await nmap(servers, services);
  });

  for (const { name } of known) {
    it(`gets the certificate of ${name}, and grades its ciphers A`, () => {
      const [, ofPort = ''] = report.split(`\n${servers.port(name)}/tcp open`);
      const [found = ''] = ofPort.split(/\n(?=\d+\/tcp )/);
      expect(found, report).to.match(/^\| ssl-cert: Subject: commonName=localhost$/m);
      expect(found, report).to.match(/^\| Issuer: commonName=Interop CA$/m);
      const versions = [...found.matchAll(/^\| {3}((?:SSL|TLS)v\S+): $/gm)].map(([, version]) => version);
      expect(versions, report).to.deep.equal(['TLSv1.2', 'TLSv1.3']);
      const grades = [...found.matchAll(/^\| {7}(TLS_\S+) .* - ([A-F])$/gm)].map(([, , grade]) => grade);
      expect(grades, report).to.deep.equal(Array(6).fill('A'));
      expect(found, report).to.match(/^\|_ {2}least strength: A$/m);
    });
  }
}

/** nmap takes the names of services on odd ports from a directory that stands before its own. */
async function nmap(servers: Servers, services: Readonly<Record<string, string>>): Promise<string> {
  const ports = Object.keys(services).map(name => servers.port(name));
  const named = Object.values(services).map((service, index) => `${service} ${ports[index]}/tcp 0.9\n`);
  mkdirSync(servers.path('nmap'));
  servers.file('nmap/nmap-services', named.join(''));
  const scan = ['-n', '-Pn', '-sT', '--datadir', servers.path('nmap'), '-p', ports.join(',')];
  const { transcript } = await runClient('nmap', [
    ...scan,
    '--script',
    'ssl-cert,ssl-enum-ciphers',
    'localhost',
  ]);
  return transcript;
}
