import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificate } from '../../src/options.ts';
import { folderWith } from './folder.ts';

const run = promisify(execFile);

/** How a responder behaves: what it says, in the words of openssl's index, or what goes wrong. */
export type Manner = 'V' | 'R' | 'unknown' | Partial<Faults>;

interface Faults {
  /** Who signs, in the place of the authority. */
  readonly signer: Certificate;
  /** The certificate that the answer is about. */
  readonly about: Certificate;
  /** The answer, or what becomes of it. */
  readonly answer: (good: Buffer, response: ServerResponse) => Buffer | undefined;
}

/** An OCSP responder on a free port of the loopback, whose answers openssl makes. */
export class OcspResponder {
  manner: Manner = 'V';
  /** How many have asked. */
  asked = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #authority: Certificate;

  private constructor(authority: Certificate) {
    this.#authority = authority;
  }

  static async start(authority: Certificate): Promise<OcspResponder> {
    const responder = new OcspResponder(authority);
    responder.#server.listen(0, '127.0.0.1');
    await once(responder.#server, 'listening');
    return responder;
  }

  get url(): string {
    const { port } = responderAddress(this.#server.address());
    return `http://127.0.0.1:${port}/ocsp`;
  }

  /** Resolves when so many have asked, and have been answered. */
  async answered(count: number): Promise<void> {
    while (this.asked < count) await once(this.#server, 'answered');
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const good = await this.#respond(Buffer.concat(chunks));
    const { answer } = typeof this.manner === 'string' ? {} : this.manner;
    const der = answer === undefined ? good : answer(good, response);
    this.asked += 1;
    if (der !== undefined) response.end(der);
    this.#server.emit('answered');
  }

  async #respond(request: Buffer): Promise<Buffer> {
    const { manner } = this;
    const { signer = this.#authority, about } = typeof manner === 'string' ? {} : manner;
    const { cert } = this.#authority;
    const folder = await folderWith({ 'ca.pem': cert, 'sign.pem': signer.cert, 'sign.key': signer.key });
    const file = (name: string) => join(folder, name);
    await writeFile(file('request'), request);
    if (about !== undefined) {
      await writeFile(file('about.pem'), about.cert);
      const made = ['-issuer', file('ca.pem'), '-cert', file('about.pem'), '-no_nonce'];
      await run('openssl', ['ocsp', ...made, '-reqout', file('request')]);
    }
    await writeFile(file('index'), await this.#index(file('request')));
    const signing = ['-rsigner', file('sign.pem'), '-rkey', file('sign.key'), '-CA', file('ca.pem')];
    const files = ['-index', file('index'), '-reqin', file('request'), '-respout', file('response')];
    await run('openssl', ['ocsp', ...files, ...signing, '-nmin', '60']);
    return readFile(file('response'));
  }

  /** As `openssl ca` keeps its database, with the one certificate that is asked about. */
  async #index(request: string): Promise<string> {
    if (this.manner === 'unknown') return '';
    const { stdout } = await run('openssl', ['ocsp', '-reqin', request, '-req_text']);
    const serial = /Serial Number: ([0-9A-F]+)/.exec(stdout)?.[1] ?? '';
    const even = serial.length % 2 === 0 ? serial : `0${serial}`;
    const revoked = this.manner === 'R' ? '250101000000Z' : '';
    return `${this.manner === 'R' ? 'R' : 'V'}\t991231235959Z\t${revoked}\t${even}\tunknown\t/CN=x\n`;
  }
}

function responderAddress(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address;
}
