// Receives mail over STARTTLS into a Maildir. By itself, or as an application of the command:
//   npx tsx docs/examples/mail-catcher.ts
//   MAILDIR=Maildir npx sallyport serve smtp --app docs/examples/mail-catcher.ts
//   swaks --server localhost --port 20025 --tls --to you@example.org
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Application, createServer, developmentCertificate, type Session, smtp } from 'sallyport';

export interface MailCatcherOptions {
  readonly maildir: string;
  /** Bytes of a mail. Default 10 MiB. */
  readonly sizeLimit?: number;
}

/** Makes an application of smtp: what is served after the hand-over. */
export function mailCatcher({ maildir, sizeLimit = 10 * 2 ** 20 }: MailCatcherOptions): Application {
  return async session => {
    for (const folder of ['tmp', 'new', 'cur']) await mkdir(join(maildir, folder), { recursive: true });
    await new Conversation(session, maildir, sizeLimit).run();
  };
}

const application = mailCatcher({ maildir: process.env['MAILDIR'] ?? 'Maildir' });
export default application;

const MAX_RECIPIENTS = 100;
const TOO_BIG = '552 5.3.4 Mail too big';
const MAIL = /^MAIL FROM: *<([!-;=?-~]{0,254})>( .*)?$/i;
const RCPT = /^RCPT TO: *<([!-;=?-~]{1,254})>( .*)?$/i;

/** One SMTP session (RFC 5321), from behind the greeting to QUIT. */
class Conversation {
  readonly #session: Session;
  readonly #maildir: string;
  readonly #sizeLimit: number;
  readonly #lines: AsyncGenerator<string, void>;
  #greeted: boolean;
  #sender: string | undefined;
  #recipients: string[] = [];

  constructor(session: Session, maildir: string, sizeLimit: number) {
    this.#session = session;
    this.#maildir = maildir;
    this.#sizeLimit = sizeLimit;
    // A bare LF ends the session: LF . LF must not end a mail here that goes on elsewhere (CVE-2023-51764).
    this.#lines = session.lines({ strict: true });
    this.#greeted = session.introduction !== undefined;
  }

  async run(): Promise<void> {
    for (let next = await this.#lines.next(); next.done !== true; next = await this.#lines.next()) {
      const verb = /^\w*/.exec(next.value)?.[0].toUpperCase() ?? '';
      await this.#session.writeLine(await this.#answer(verb, next.value));
      if (verb === 'QUIT') return;
    }
  }

  async #answer(verb: string, line: string): Promise<string> {
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        return this.#hello(verb);
      case 'MAIL':
        return this.#mail(line);
      case 'RCPT':
        return this.#rcpt(line);
      case 'DATA':
        return this.#data();
      case 'RSET':
        this.#reset();
        return '250 2.0.0 OK';
      case 'NOOP':
        return '250 2.0.0 OK';
      case 'QUIT':
        return '221 2.0.0 Bye';
      default:
        return '500 5.5.2 Command not recognized';
    }
  }

  #hello(verb: string): string {
    this.#reset();
    this.#greeted = true;
    const { hostname } = this.#session;
    if (verb === 'HELO') return `250 ${hostname}`;
    const extensions = ['PIPELINING', '8BITMIME', `SIZE ${this.#sizeLimit}`];
    return `${[hostname, ...extensions].map(text => `250-${text}\r\n`).join('')}250 ENHANCEDSTATUSCODES`;
  }

  #mail(line: string): string {
    const [, sender, parameters = ''] = MAIL.exec(line) ?? [];
    if (!this.#greeted) return '503 5.5.1 Say EHLO first';
    if (this.#sender !== undefined) return '503 5.5.1 One mail at a time';
    if (sender === undefined) return '501 5.5.4 Syntax: MAIL FROM:<address>';
    if (Number(/ SIZE=(\d+)/i.exec(parameters)?.[1] ?? 0) > this.#sizeLimit) return TOO_BIG;
    this.#sender = sender;
    return '250 2.1.0 OK';
  }

  #rcpt(line: string): string {
    const recipient = RCPT.exec(line)?.[1];
    if (this.#sender === undefined) return '503 5.5.1 Say MAIL first';
    if (recipient === undefined) return '501 5.5.4 Syntax: RCPT TO:<address>';
    if (this.#recipients.length >= MAX_RECIPIENTS) return '452 4.5.3 Too many recipients';
    this.#recipients.push(recipient);
    return '250 2.1.5 OK';
  }

  /** Writes to tmp/, and moves to new/ what has come to its end: a reader sees whole mails only. */
  async #data(): Promise<string> {
    if (this.#recipients.length === 0) return '503 5.5.1 Say RCPT first';
    await this.#session.writeLine('354 End with a line of one dot');
    const name = `${Math.floor(Date.now() / 1000)}.${randomUUID()}`;
    const unfinished = join(this.#maildir, 'tmp', name);
    const file = await open(unfinished, 'wx', 0o600);
    try {
      const refusal = await this.#receive(file);
      if (refusal !== undefined) return refusal;
      await file.sync();
      await rename(unfinished, join(this.#maildir, 'new', name));
      return '250 2.0.0 Delivered';
    } finally {
      this.#reset();
      await file.close();
      await rm(unfinished, { force: true });
    }
  }

  /** Takes all lines up to the lone dot, also those that it has no room for. */
  async #receive(file: FileHandle): Promise<string | undefined> {
    let size = 0;
    let block = this.#header();
    for (let next = await this.#lines.next(); next.done !== true; next = await this.#lines.next()) {
      const line = next.value;
      if (line === '.' || block.length > 65_536) {
        await file.write(Buffer.from(block, 'latin1'));
        block = '';
      }
      if (line === '.') return size > this.#sizeLimit ? TOO_BIG : undefined;
      size += line.length + 2;
      if (size <= this.#sizeLimit) block += `${line.startsWith('.') ? line.slice(1) : line}\n`;
    }
    return '451 4.4.2 Mail cut off';
  }

  #header(): string {
    const { hostname, peer, tls } = this.#session;
    const date = new Date().toUTCString().replace('GMT', '+0000');
    return [
      `Return-Path: <${this.#sender}>\n`,
      ...this.#recipients.map(recipient => `Delivered-To: ${recipient}\n`),
      `Received: from [${peer.address}] by ${hostname} with ${tls ? 'ESMTPS' : 'ESMTP'}; ${date}\n`,
    ].join('');
  }

  #reset(): void {
    this.#sender = undefined;
    this.#recipients = [];
  }
}

if (process.argv[1] === import.meta.filename) {
  const certificate = await developmentCertificate();
  const server = createServer({ protocol: smtp, certificate }, application);
  const { address, port } = await server.listen({ port: 20_025 });
  process.stdout.write(`listening on ${address} port ${port}; clients trust ${certificate.caFile}\n`);
}
