import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { join } from 'node:path';
import { issueCertificate } from '../../../src/net/certificate-issuer.ts';
import { folderWith } from '../../support/folder.ts';
import { freeAddress } from '../../support/free-address.ts';

/** Pebble, the ACME authority that Let's Encrypt tests clients with; with a DNS to which every name is 127.0.0.1. */
export class Pebble {
  /** The file with the authority of Pebble's own HTTPS. */
  readonly caFile: string;
  /** Where it looks, in the place of port 80 and 443. */
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly agent: Agent;
  readonly #folder: string;
  readonly #ports: { readonly acme: number; readonly management: number; readonly dns: number };
  #processes: ChildProcess[] = [];

  private constructor(folder: string, ca: string, [acme, management, dns, http, tls]: readonly number[]) {
    this.#folder = folder;
    this.caFile = join(folder, 'ca.pem');
    this.agent = new Agent({ ca });
    this.#ports = { acme: acme ?? 0, management: management ?? 0, dns: dns ?? 0 };
    this.httpPort = http ?? 0;
    this.tlsPort = tls ?? 0;
  }

  static async prepared(): Promise<Pebble> {
    const authority = await issueCertificate({ commonName: 'of Pebble', days: 2, usage: 'authority' });
    const own = await issueCertificate({ commonName: 'pebble', days: 2, names: ['127.0.0.1'] }, authority);
    const folder = await folderWith({ 'ca.pem': authority.cert, 'cert.pem': own.cert, 'key.pem': own.key });
    const ports: number[] = [];
    while (ports.length < 5) ports.push((await freeAddress()).port);
    return new Pebble(folder, authority.cert, ports);
  }

  get url(): string {
    return `https://127.0.0.1:${this.#ports.acme}/dir`;
  }

  async start(): Promise<void> {
    const { acme, management, dns } = this.#ports;
    const config = {
      listenAddress: `127.0.0.1:${acme}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: join(this.#folder, 'cert.pem'),
      privateKey: join(this.#folder, 'key.pem'),
      httpPort: this.httpPort,
      tlsPort: this.tlsPort,
    };
    await writeFile(join(this.#folder, 'config.json'), JSON.stringify({ pebble: config }));
    const off = ['-dns01', `127.0.0.1:${dns}`, '-http01', '', '-https01', '', '-tlsalpn01', ''];
    const names = spawn('pebble-challtestsrv', [...off, '-management', '', '-defaultIPv6', ''], {
      stdio: 'ignore',
    });
    const args = ['-config', join(this.#folder, 'config.json'), '-dnsserver', `127.0.0.1:${dns}`];
    const pebble = spawn('pebble', args, {
      env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
      stdio: 'ignore',
    });
    this.#processes = [names, pebble];
    while ((await this.#got(this.url)) === undefined) await new Promise(resolve => setTimeout(resolve, 100));
  }

  /** Ends it at once, as a crash would; it forgets everybody, its own root as well. */
  async kill(): Promise<void> {
    for (const process of this.#processes.splice(0)) {
      const over = once(process, 'close');
      process.kill('SIGKILL');
      await over;
    }
  }

  /** What vouches for its certificates now. */
  async root(): Promise<string> {
    const root = await this.#got(`https://127.0.0.1:${this.#ports.management}/roots/0`);
    if (root === undefined) throw new Error('pebble gives no root');
    return root;
  }

  async #got(url: string): Promise<string | undefined> {
    return new Promise(resolve => {
      const request = get(url, { agent: this.agent }, response => {
        let text = '';
        response.setEncoding('utf8').on('data', data => {
          text += data;
        });
        response.on('end', () => resolve(text));
      });
      request.on('error', () => resolve(undefined));
    });
  }
}
