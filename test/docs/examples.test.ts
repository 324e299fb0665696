import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createTransport } from 'nodemailer';
import mailApplication, { mailCatcher } from '../../docs/examples/mail-catcher.ts';
import { memo } from '../../docs/examples/memo-protocol.ts';
import { keyValue, store } from '../../docs/examples/own-protocol.ts';
import { timeServer } from '../../docs/examples/upgrade-existing.ts';
import { smtp } from '../../protocol/smtp.ts';
import { TlsTerminator } from '../../src/net/terminator.ts';
import { testCertificates } from '../support/certificates.ts';
import { document } from '../support/document.ts';
import { ROOT } from '../support/root.ts';
import { sClient } from '../support/s-client.ts';
import { type Serving, serving, stopServing } from '../support/serving.ts';
import { parseTranscript, replay } from '../support/transcript.ts';
import { twinTalk } from '../support/twin.ts';
import { WireClient } from '../support/wire-client.ts';

describe('docs/examples', () => {
  afterEach(stopServing);

  describe('own-protocol', () => {
    it('stores what it is given, under TLS only', async () => {
      const client = await (await serving(keyValue, {}, store())).connect();
      expect(await client.until('\r\n')).to.equal('OK mail.example.org key-value store, say STARTTLS\r\n');
      expect(await client.say('GET a\r\n').until('\r\n')).to.equal('ERR TLS required, say STARTTLS\r\n');
      expect(await client.say('starttls\r\n').until('\r\n')).to.equal('OK Begin TLS\r\n');
      await client.startTls({ ca: (await testCertificates()).authority.cert });
      client.say('SET a some words\r\nGET a\r\nDEL a\r\nGET a\r\nSET\r\nXYZZY\r\nQUIT\r\n');
      expect(await client.until('OK Bye\r\n')).to.equal(
        'OK Set\r\nOK some words\r\nOK Deleted\r\nERR No such key\r\nERR SET needs a key\r\n' +
          'ERR Commands: SET GET DEL QUIT\r\nOK Bye\r\n',
      );
      await client.end();
    });

    it('runs nothing that was said behind STARTTLS', async () => {
      const entries = new Map<string, string>();
      const client = await (await serving(keyValue, {}, store(entries))).connect();
      await client.until('\r\n');
      expect(await client.say('STARTTLS\r\nSET a b\r\n').until('\r\n')).to.equal(
        'ERR Plaintext behind the upgrade command\r\n',
      );
      await client.end();
      expect(entries.size).to.equal(0);
    });
  });

  describe('memo-protocol', () => {
    const guide = document('docs/guide/writing-a-protocol.md');

    it('stands whole in the guide, which has all that it says', () => {
      const source = readFileSync(join(ROOT, 'docs/examples/memo-protocol.ts'), 'utf8');
      const blocks = guide.blocks.filter(({ text }) => text.includes('memoServer'));
      expect(blocks.map(({ text }) => text)).to.deep.equal([source.slice(source.indexOf('import {'))]);
      const [said] = guide.blocks.filter(({ language }) => language === 'text');
      replay(memo, parseTranscript('docs/guide/writing-a-protocol.md', said?.text ?? ''));
    });

    it('upgrades when its own probe talks to its own server, and tells a stripped offer', () => {
      const { server, probe } = twinTalk(memo);
      expect([server.close, probe.close]).to.deep.equal([undefined, undefined]);
      expect(probe.handOver).to.not.equal(undefined);
      const stripped = twinTalk(memo, { available: () => false });
      expect(stripped.probe.close?.error?.code).to.equal('ERR_TLS_NOT_OFFERED');
    });

    it('hands over under TLS, and nothing in plaintext', async () => {
      const { connect } = await serving(memo, { capabilities: ['LOGIN', 'LIST'] }, async session => {
        for await (const line of session.lines()) await session.writeLine(`250 ${line}`);
      });
      const client = await connect();
      client.say('FEATURES\r\nLIST\r\nSTARTTLS now\r\nSTARTTLS\r\n');
      expect(await client.until('220 Begin TLS\r\n')).to.equal(
        '200 mail.example.org memo ready\r\n210 STARTTLS LIST\r\n530 TLS required: say STARTTLS first\r\n' +
          '501 STARTTLS takes no argument\r\n220 Begin TLS\r\n',
      );
      await client.startTls({ ca: (await testCertificates()).authority.cert });
      await client.say('LIST\r\n').until('250 LIST\r\n');
    });

    it('gives no go-ahead with plaintext behind the command', async () => {
      const client = await (await serving(memo)).connect();
      client.say('STARTTLS\r\nQUIT\r\n');
      await client.until('421 Plaintext behind the upgrade command\r\n');
      await client.end();
      expect(client.heard).to.not.contain('220');
    });

    it('is reached by the command that it prints', async () => {
      const { port } = await serving(memo);
      const { status, stderr } = await sClient(port, '-starttls', memo.sClientName ?? '', '-brief');
      expect(stderr).to.contain('Protocol version: TLSv1.3');
      expect(status).to.equal(0);
    });
  });

  describe('upgrade-existing', () => {
    let server: NetServer;
    let client: WireClient;

    beforeEach(async () => {
      const { server: certificate } = await testCertificates();
      server = timeServer(new TlsTerminator({ certificate })).listen(0, '127.0.0.1');
      await once(server, 'listening');
      client = await WireClient.connect((server.address() as AddressInfo).port); // of a TCP server
      await client.until('OK Time server, say STARTTLS\r\n');
    });

    afterEach(() => {
      client.destroy();
      server.close();
    });

    it('tells the time, under TLS only', async () => {
      expect(await client.say('TIME\r\n').until('\r\n')).to.equal('ERR Say STARTTLS first\r\n');
      expect(await client.say('STARTTLS\r\n').until('\r\n')).to.equal('OK Begin TLS\r\n');
      await client.startTls({ ca: (await testCertificates()).authority.cert });
      expect(await client.say('TIME\r\n').until('\r\n')).to.match(/^OK \d{4}-.*Z\r\n$/);
      expect(await client.say('STARTTLS\r\n').until('\r\n')).to.equal('ERR Commands: TIME\r\n');
    });

    for (const behind of ['TIME\r\n', 'TI']) {
      it(`gives no go-ahead with ${JSON.stringify(behind)} behind the command`, async () => {
        client.say(`STARTTLS\r\n${behind}`);
        await client.end();
        expect(client.rest).to.equal('ERR Plaintext behind STARTTLS\r\n');
      });
    }
  });

  describe('mail-catcher', () => {
    let maildir: string;

    beforeEach(async () => {
      maildir = await mkdtemp(join(tmpdir(), 'sallyport-mail-'));
    });

    afterEach(() => rm(maildir, { recursive: true }));

    const delivered = async () =>
      Promise.all(
        (await readdir(join(maildir, 'new'))).map(name => readFile(join(maildir, 'new', name), 'latin1')),
      );

    it('is an application by its default export', () => {
      expect(mailApplication).to.be.a('function');
    });

    it('keeps what nodemailer sends over STARTTLS, dots and all', async () => {
      const { port } = await serving(smtp, {}, mailCatcher({ maildir }));
      const { authority } = await testCertificates();
      const tls = { ca: authority.cert, servername: 'localhost' };
      const transport = createTransport({ host: '127.0.0.1', port, requireTLS: true, tls });
      const text = 'One line\n.\n..two dots\nlast';
      const to = ['bob@example.org', 'carol@example.org'];
      await transport.sendMail({ from: 'alice@example.org', to, subject: 'Hello', text });
      transport.close();
      const [mail = '', ...others] = await delivered();
      expect(others).to.deep.equal([]);
      expect(mail).to.match(/^Return-Path: <alice@example.org>\nDelivered-To: bob@.*\nDelivered-To: carol@/);
      expect(mail).to.match(/\nReceived: from \[127.0.0.1\] by mail.example.org with ESMTPS; /);
      expect(mail).to.contain('\nSubject: Hello\n').and.to.contain(`\n\n${text}\n`);
      expect(await readdir(join(maildir, 'tmp'))).to.deep.equal([]);
    });

    it('refuses a bare LF in a mail, and delivers nothing of it', async () => {
      for (const smuggled of ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r\n']) {
        const client = await inData(await serving(smtp, {}, mailCatcher({ maildir })));
        client.say(`Subject: one${smuggled}MAIL FROM:<mallory@example.org>\r\n.\r\n`);
        await client.end();
        expect(client.rest, JSON.stringify(smuggled)).to.match(/^500 5.5.2 [^\r\n]*\r\n$/);
        expect(await delivered()).to.deep.equal([]);
        expect(await readdir(join(maildir, 'tmp'))).to.deep.equal([]);
      }
    });

    it('delivers nothing that is cut off', async () => {
      const service = await serving(smtp, {}, mailCatcher({ maildir }));
      const client = await inData(service);
      client.say('Subject: one\r\n.');
      client.socket.end();
      await service.over(1);
      expect(await delivered()).to.deep.equal([]);
      expect(await readdir(join(maildir, 'tmp'))).to.deep.equal([]);
    });

    it('refuses a mail that is too big, announced or not, and goes on', async () => {
      const client = await inData(await serving(smtp, {}, mailCatcher({ maildir, sizeLimit: 100 })));
      client.say(`${'x'.repeat(60)}\r\n${'x'.repeat(60)}\r\n.\r\n`);
      expect(await client.until('\r\n')).to.equal('552 5.3.4 Mail too big\r\n');
      client.say('MAIL FROM:<a@example.org> SIZE=101\r\n');
      expect(await client.until('\r\n')).to.equal('552 5.3.4 Mail too big\r\n');
      client.say(`${ENVELOPE}small\r\n.\r\n`);
      await client.until('250 2.0.0 Delivered\r\n');
      expect((await delivered()).length).to.equal(1);
      expect(await readdir(join(maildir, 'tmp'))).to.deep.equal([]);
    });

    it('writes a long mail as it comes', async () => {
      const client = await inData(await serving(smtp, {}, mailCatcher({ maildir })));
      const line = `${'x'.repeat(998)}\r\n`;
      client.say(Buffer.from(`${line.repeat(500)}.\r\n`));
      await client.until('250 2.0.0 Delivered\r\n');
      expect((await delivered())[0]?.match(/x{998}\n/g)?.length).to.equal(500);
    });

    it('insists on the order of commands and on their form', async () => {
      const client = await underTls(await serving(smtp, {}, mailCatcher({ maildir })));
      const talk = [
        ['MAIL FROM:<a@example.org>', '503'],
        ['EHLO client.example.org', '250-mail.example.org'],
        ['RCPT TO:<b@example.org>', '503'],
        ['MAIL FROM:a@example.org', '501'],
        ['MAIL FROM:<>', '250'],
        ['MAIL FROM:<>', '503'],
        ['DATA', '503'],
        ['RCPT TO:<>', '501'],
        ['RCPT TO:<b@example.org>', '250'],
        ['RSET', '250'],
        ['DATA', '503'],
        ['VRFY b', '500'],
        ['NOOP', '250'],
        ['HELO client.example.org', '250 mail.example.org'],
        ['QUIT', '221'],
      ];
      for (const [command, expected] of talk) {
        expect(await client.say(`${command}\r\n`).until(/^\d{3} .*\r\n/m), command).to.match(
          new RegExp(`^${expected}`),
        );
      }
      await client.end();
    });

    it('goes on in plaintext where the policy allows it, from the EHLO that the dialogue has answered', async () => {
      const options = { tls: 'optional' } as const;
      const client = await (await serving(smtp, options, mailCatcher({ maildir }))).connect();
      await client.until('\r\n');
      await client.say('EHLO client.example.org\r\n').until('250 ENHANCEDSTATUSCODES\r\n');
      await client.say(`${ENVELOPE}Subject: one\r\n\r\nText\r\n.\r\n`).until('250 2.0.0 Delivered\r\n');
      expect((await delivered())[0]).to.contain(' with ESMTP; ');
    });
  });
});

const ENVELOPE = 'MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n';

async function underTls(service: Serving): Promise<WireClient> {
  const client = await service.connect();
  await client.until('\r\n');
  await client.say('STARTTLS\r\n').until('220 2.0.0 Ready to start TLS\r\n');
  await client.startTls();
  return client;
}

/** A client whose mail is awaited. */
async function inData(service: Serving): Promise<WireClient> {
  const client = await underTls(service);
  await client.say(`EHLO client.example.org\r\n${ENVELOPE}`).until('354 End with a line of one dot\r\n');
  return client;
}
