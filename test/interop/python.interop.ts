import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type ClientResult, runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

const PROGRAM = fileURLToPath(new URL('./support/standard_library.py', import.meta.url));

/** What the clients of the standard library hear under TLS. */
const facts: Readonly<Record<string, readonly RegExp[]>> = {
  smtp: [
    /^go-ahead: \(220, b'2\.0\.0 /m,
    /^hello: \(250, b'localhost\\n/m,
    /^offered again: False/m,
    /^refused: \(502, b'5\.5\.1 No mail service/m,
    /^goodbye: \(221, /m,
  ],
  lmtp: [
    /^go-ahead: \(220, b'2\.0\.0 /m,
    /^hello: \(250, b'localhost\\n/m,
    /^offered again: False/m,
    /^refused: \(502, b'5\.5\.1 No mail service/m,
    /^goodbye: \(221, /m,
  ],
  imap: [
    /^go-ahead: \('OK', /m,
    /^capabilities: \('OK', \[b'IMAP4rev1(?!.*STARTTLS)/m,
    /^refused: /m,
    /^goodbye: \('BYE', /m,
  ],
  pop3: [/^go-ahead: b'\+OK /m, /^capabilities: \{(?!.*STLS)/m, /^refused: b'-ERR /m, /^goodbye: b'\+OK/m],
  ftp: [
    /^go-ahead: 234 /m,
    /^features: 211-(?:.*\n)+ PROT\n(?:.*\n)*211 /m,
    /^protection: 200 /m,
    /^refused: 530 /m,
    /^goodbye: 221 /m,
  ],
  nntp: [/^capabilities: \{(?!.*STARTTLS).*'VERSION'/m, /^refused: [45]\d\d /m, /^goodbye: 205 /m],
};

describeClient('python3', () => {
  const servers = useServers();
  for (const { name } of protocolsNamed(...Object.keys(facts))) {
    it(`upgrades ${name}, verifies the certificate and gets replies`, async function () {
      const result = await python(servers, name, servers.caFile);
      if (/^gone: /m.test(result.stdout)) {
        console.log(`      skipped: ${result.stdout.trim()}`);
        this.skip();
      }
      for (const fact of [/^tls: TLSv1\.3/m, ...(facts[name] ?? [])]) {
        expect(result.stdout, result.transcript).to.match(fact);
      }
      expect(result.status, result.transcript).to.equal(0);
      expect((await servers.ended(name)).at(-1)?.error, result.transcript).to.equal(undefined);
    });

    it(`does not trust the certificate of ${name} under another authority`, async () => {
      const { status, stderr, transcript } = await python(servers, name, servers.strangerFile);
      if (/^gone: /m.test(transcript)) return;
      expect(stderr, transcript).to.match(/SSLCertVerificationError: .*certificate verify failed/);
      expect(status, transcript).to.equal(1);
    });
  }
}, ['python3', '-c', 'import ssl']);

function python(servers: Servers, name: string, caFile: string): Promise<ClientResult> {
  // Deprecation warnings are about nntplib.
  return runClient('python3', ['-W', 'ignore', PROGRAM, name, String(servers.port(name)), caFile]);
}
